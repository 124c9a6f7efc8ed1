/** `processors` of an input or output (YAML): filters that only its own records pass, in written order. */
import { nearest } from '../../core/errors.ts';
import type { StepModel } from '../model.ts';
import type { Section } from './element.ts';
import { lastProperty } from './element.ts';
import { lowerPlugin } from './plugin.ts';
import type { Surroundings } from './plugin.ts';

const everything = { syntax: 'glob', pattern: '*' } as const;

/** The steps of its processors for logs; undefined after reporting what is wrong. */
export function lowerProcessors(around: Surroundings, section: Section, instance: string): StepModel[] | undefined {
  const steps: StepModel[] = [];
  let isSound = true;
  for (const processors of section.groups.filter(({ name }) => name === 'processors'))
    for (const entry of processors.groups)
      if (entry.name !== 'logs')
        around.lowering.warn(entry.at, `processors for ${entry.name}: only logs are received here`);
      else {
        const step = lowerOne(around, entry, `${instance} processor ${steps.length}`);
        if (step) steps.push(step);
        else isSound = false;
      }
  return isSound ? steps : undefined;
}

function lowerOne(around: Surroundings, entry: Section, instance: string): StepModel | undefined {
  const { lowering, variables } = around;
  const written = lastProperty(entry, 'name');
  if (!written) {
    lowering.error(entry.at, 'a processor has no name: the name of a filter was expected');
    return undefined;
  }
  const name = variables.put(written.value, written.valueAt);
  const spec = lowering.registry.getFluentbit('filter', name);
  if (spec?.kind !== 'filter') {
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
  for (const group of entry.groups)
    lowering.error(
      group.at,
      group.name === 'condition'
        ? `processor ${name}: condition is not supported: write a filter of the pipeline whose own conditions say the same, such as modify or grep`
        : `processor ${name} takes no map ${group.name}; a value was expected`,
    );
  const lowered = lowerPlugin(around, spec, entry, instance);
  return lowered && { match: everything, action: { kind: 'filter', plugin: lowered.model }, take: false, at: entry.at };
}
