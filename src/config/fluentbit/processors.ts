/**
 * `processors` of an input or output (YAML): filters that only its own records pass, in written order, each for all of them
 * or for those that its condition is true for. Source: Fluent Bit 5.1 flb_processor.c.
 */
import { compileCondition } from '../../codecs/fluentbit-condition.ts';
import { errorText, nearest } from '../../core/errors.ts';
import { conditionOps } from '../model.ts';
import type { ConditionModel, ConditionRule, StepModel } from '../model.ts';
import type { Property, Section } from './element.ts';
import { lastProperty } from './element.ts';
import { lowerPlugin } from './plugin.ts';
import type { LoweredPlugin, Surroundings } from './plugin.ts';

const everything = { syntax: 'glob', pattern: '*' } as const;

/** Makes the output of a filter that joins records, and the step to it. */
export type JoinStep = (lowered: LoweredPlugin, match: StepModel['match'], section: Section) => StepModel;

/** The steps of its processors for logs; undefined after reporting what is wrong. */
export function lowerProcessors(
  around: Surroundings,
  section: Section,
  instance: string,
  joinStep: JoinStep,
): StepModel[] | undefined {
  const steps: StepModel[] = [];
  let isSound = true;
  for (const processors of section.groups.filter(({ name }) => name === 'processors'))
    for (const entry of processors.groups)
      if (entry.name !== 'logs')
        around.lowering.warn(entry.at, `processors for ${entry.name}: only logs are received here`);
      else {
        const step = lowerOne(around, entry, `${instance} processor ${steps.length}`, joinStep);
        if (step) steps.push(step);
        else isSound = false;
      }
  return isSound ? steps : undefined;
}

function lowerOne(around: Surroundings, entry: Section, instance: string, joinStep: JoinStep): StepModel | undefined {
  const { lowering, variables } = around;
  const written = lastProperty(entry, 'name');
  if (!written) {
    lowering.error(entry.at, 'a processor has no name: the name of a filter was expected');
    return undefined;
  }
  const name = variables.put(written.value, written.valueAt);
  const spec = lowering.registry.getFluentbit('filter', name);
  if (spec?.kind !== 'filter' && spec?.kind !== 'join') {
    const names = lowering.registry.fluentbitNames('filter');
    const near = nearest(name.toLowerCase(), names);
    const hint = spec
      ? 'it gives records new tags, which only a filter of the pipeline can'
      : `there are ${names.join(', ')}`;
    lowering.error(
      written.valueAt,
      `processor ${name} is not supported${near === undefined || spec ? ` (${hint})` : `; did you mean ${near}?`}`,
    );
    return undefined;
  }
  const [first, ...others] = entry.groups.filter(({ name: group }) => group === 'condition');
  for (const { name: group, at } of [...others, ...entry.groups.filter((one) => one.name !== 'condition')])
    lowering.error(at, `processor ${name} takes no map ${group} here; a value was expected`);
  const condition = first && readCondition(around, name, first);
  const lowered = lowerPlugin(around, spec, { ...entry, groups: [] }, instance);
  if (!lowered || (first && !condition)) return undefined;
  if (spec.kind === 'filter')
    return {
      match: everything,
      action: { kind: 'filter', plugin: lowered.model, ...(condition && { condition }) },
      take: false,
      at: entry.at,
    };
  if (!first) return joinStep(lowered, everything, entry);
  lowering.error(first.at, `processor ${name}: it joins records, which a condition would tear apart; leave it out`);
  return undefined;
}

/** Undefined after reporting what is wrong. */
function readCondition(around: Surroundings, processor: string, section: Section): ConditionModel | undefined {
  const { lowering, variables } = around;
  const title = `processor ${processor}: condition`;
  let isSound = true;
  const fail = (at: Section['at'], text: string): void => {
    lowering.error(at, `${title}: ${text}`);
    isSound = false;
  };
  const valueOf = ({ value, valueAt }: Property): string => variables.put(value, valueAt);
  const written = lastProperty(section, 'op');
  const op = written ? valueOf(written).toLowerCase() : 'and';
  if (op !== 'and' && op !== 'or') fail(written?.valueAt ?? section.at, `op ${op}: expected and or or`);
  for (const { key, at } of section.properties.filter((property) => property.key.toLowerCase() !== 'op'))
    fail(at, `it has no ${key} (it has op, rules)`);
  const rules = section.groups.map((group): ConditionRule | undefined => {
    if (group.name === 'rules') return readRule(group, valueOf, fail);
    fail(group.at, `it has no ${group.name} (it has op, rules)`);
    return undefined;
  });
  if (rules.length === 0) fail(section.at, 'rules are missing: at least one with field, op and value was expected');
  if (!isSound) return undefined;
  const model: ConditionModel = { op: op === 'or' ? 'or' : 'and', rules: rules.filter((rule) => rule !== undefined) };
  for (const [index, rule] of model.rules.entries())
    try {
      compileCondition({ op: 'and', rules: [rule] });
    } catch (error) {
      fail(section.groups[index]?.at ?? section.at, errorText(error));
    }
  return isSound ? model : undefined;
}

function readRule(
  group: Section,
  valueOf: (property: Property) => string,
  fail: (at: Section['at'], text: string) => void,
): ConditionRule | undefined {
  const [field, written] = [lastProperty(group, 'field'), lastProperty(group, 'op')];
  const values = group.properties.filter(({ key }) => key.toLowerCase() === 'value');
  if (!field || !written || values.length === 0) {
    fail(group.at, 'a rule needs field, op and value');
    return undefined;
  }
  for (const { key, at } of group.properties)
    if (!['field', 'op', 'value', 'context'].includes(key.toLowerCase()))
      fail(at, `a rule has no ${key} (it has field, op, value, context)`);
  const context = lastProperty(group, 'context');
  if (context && valueOf(context).toLowerCase() === 'metadata')
    fail(context.at, 'context metadata: records have no metadata here; rules are for the body');
  const word = valueOf(written).toLowerCase();
  const op = conditionOps.find((known) => known === word);
  if (!op) {
    const near = nearest(word, conditionOps);
    const hint = near === undefined ? ` (there are ${conditionOps.join(', ')})` : `; did you mean ${near}?`;
    fail(written.valueAt, `unknown op ${word}${hint}`);
    return undefined;
  }
  if (values.length > 1 && op !== 'in' && op !== 'not_in')
    fail(values[1]?.at ?? group.at, `${op} takes one value; a list is for in and not_in`);
  const rule = { field: valueOf(field), op, values: values.map(valueOf) };
  if (rule.values.some((value) => value === '')) fail(group.at, 'value is empty: a text or number was expected');
  return rule;
}
