/** Reads written parameters as declared options: spellings, kinds, schemas, what is missing and what is unknown. */
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import { spellings } from '../../core/options.ts';
import type { OptionSpec, OptionTable } from '../../core/options.ts';
import type { Attribute } from './element.ts';
import type { Lowering } from './lowering.ts';
import { boundsText, expectedForm, quote, readKind } from './values.ts';

/** Whose options are read: `output file`, for texts; and its place. */
export interface OptionOwner {
  readonly title: string;
  readonly at: Location;
}

/** Declared options by their Fluentd spellings. */
export function bySpelling(table: OptionTable): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(table))
    for (const spelling of spellings(name, spec, 'fluentd')) names.set(spelling, name);
  return names;
}

/**
 * Checks attributes against a table. Gives checked values (defaults filled in, unset options left out) and the
 * attributes that no declared option takes, which the caller reports or uses. `fixed` are values from elsewhere (an
 * environment variable) that count where nothing is written.
 */
export function readOptions(
  lowering: Lowering,
  owner: OptionOwner,
  table: OptionTable,
  attributes: readonly Attribute[],
  fixed: Readonly<Record<string, unknown>> = {},
): { readonly values: Record<string, unknown>; readonly others: readonly Attribute[]; readonly isComplete: boolean } {
  const names = bySpelling(table);
  const written = new Map<string, Attribute>();
  const others: Attribute[] = [];
  for (const attribute of attributes) {
    const name = names.get(attribute.key);
    if (name === undefined) {
      others.push(attribute);
      continue;
    }
    const twin = written.get(name);
    if (twin)
      lowering.error(attribute.at, `${attribute.key} is the same option as ${twin.key} on line ${twin.at.line}`);
    written.set(name, attribute);
  }
  const values: Record<string, unknown> = {};
  let isComplete = true;
  for (const [name, spec] of Object.entries(table)) {
    const attribute = written.get(name);
    const read = attribute ? readOption(lowering, owner, spec, attribute) : absent(lowering, owner, name, spec, fixed);
    if (read === undefined) isComplete = false;
    else if (read.value !== undefined) values[name] = read.value;
  }
  return { values, others, isComplete };
}

/** Reads one written option; undefined when it was wrong, which is reported then. */
function readOption(
  lowering: Lowering,
  owner: OptionOwner,
  spec: OptionSpec,
  attribute: Attribute,
): { value: unknown } | undefined {
  const { value: written } = attribute;
  const key = attribute.writtenKey ?? attribute.key;
  if (written.isBroken) return undefined;
  if (spec.warnWritten !== undefined) lowering.warn(attribute.at, `${key}: ${spec.warnWritten}`);
  if (spec.ignored !== undefined)
    lowering.note(
      owner.at,
      `${key}: ${spec.ignored}`,
      'ignored',
      owner.title.startsWith('<') ? undefined : owner.title,
    );
  if (written.unset !== undefined) {
    if (spec.isRequired) {
      lowering.error(attribute.at, `${owner.title}: ${key} is required, but use_${written.unset} leaves it out`);
      return undefined;
    }
    // What use_nil empties is false where it is true or false, and absent elsewhere.
    if (written.unset === 'nil' && spec.kind === 'boolean') return { value: false };
    return { value: spec.schema.safeParse(undefined).data };
  }
  const read = readKind(spec.kind, written, spec.choices);
  const expected = expectedForm(spec.kind, spec.choices);
  if ('problem' in read) {
    const found = spec.kind === 'secret' ? '' : `: ${read.problem}`;
    const near = spec.choices ? nearest(written.text, spec.choices) : undefined;
    lowering.error(written.at, `${key}${found}, expected ${expected}${near ? `; did you mean ${near}?` : ''}`);
    return undefined;
  }
  if (lowering.isStrict && read.isLoose === true) {
    lowering.error(
      written.at,
      `${key}: found ${spec.kind === 'secret' ? 'something else' : quote(written.text)}, expected ${expected} (strict_config_value)`,
    );
    return undefined;
  }
  if (read.warning !== undefined) lowering.warn(written.at, `${key}: ${read.warning}`);
  const checked = spec.schema.safeParse(read.value);
  if (checked.success) return { value: checked.data };
  const shown = spec.kind === 'secret' ? '' : ` ${quote(written.text)}`;
  lowering.error(written.at, `${key}: found${shown}, expected ${expected}, ${boundsText(checked.error.issues)}`);
  return undefined;
}

function absent(
  lowering: Lowering,
  owner: OptionOwner,
  name: string,
  spec: OptionSpec,
  fixed: Readonly<Record<string, unknown>>,
): { value: unknown } | undefined {
  if (fixed[name] !== undefined) return { value: fixed[name] };
  const checked = spec.schema.safeParse(undefined);
  const spelling = spellings(name, spec, 'fluentd')[0] ?? name;
  if (checked.success && spec.warnAbsent !== undefined)
    lowering.warn(owner.at, `${owner.title}: ${spelling} is not written: ${spec.warnAbsent}`);
  if (checked.success) return { value: checked.data };
  lowering.error(
    owner.at,
    `${owner.title}: ${spelling} is required but missing (${lowerFirst(spec.summary).replace(/\.$/, '')}; ${expectedForm(spec.kind, spec.choices)})`,
  );
  return undefined;
}

/** Reports parameters that nothing takes. `belongs` may name the section they should stand in. */
export function reportUnknown(
  lowering: Lowering,
  owner: OptionOwner,
  others: readonly Attribute[],
  known: readonly string[],
  belongs: (key: string) => string | undefined = () => undefined,
): void {
  for (const attribute of others) {
    const place = belongs(attribute.key);
    const near = place === undefined ? nearest(attribute.key, known) : undefined;
    const hint =
      place !== undefined ? `; it belongs into ${place}` : near === undefined ? '' : `; did you mean ${near}?`;
    const options = hint === '' && known.length > 0 && known.length <= 12 ? ` (it has ${known.join(', ')})` : '';
    lowering.error(attribute.at, `${owner.title} has no option ${attribute.key}${options}${hint}`);
  }
}

/** Lower-cases the first letter of a sentence that is put into another one. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.slice(0, 1).toLowerCase() + text.slice(1) : text;
}
