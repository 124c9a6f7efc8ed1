/** `<inject>` and the v0.12 parameters that became it (fluent/plugin_helper/inject.rb, compat_parameters.rb). */
import { boolean, choice, text } from '../../core/options.ts';
import type { OptionTable } from '../../core/options.ts';
import type { InjectModel } from '../model.ts';
import type { Attribute, Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { bySpelling, readOptions, reportUnknown } from './options.ts';
import type { OptionOwner } from './options.ts';

const injectOptions = {
  hostnameKey: text('Field that gets the host name'),
  hostname: text('Host name to put there; default: this host'),
  workerIdKey: text('Field that gets the worker number'),
  tagKey: text('Field that gets the tag'),
  timeKey: text('Field that gets the time'),
  timeType: choice(['float', 'unixtime', 'unixtime_millis', 'unixtime_micros', 'unixtime_nanos', 'string'])(
    'How the time is written',
  ),
  timeFormat: text('strftime format of the time, with time_type string'),
  localtime: boolean('Whether the time is written in local time'),
  utc: boolean('Whether the time is written in UTC'),
  timezone: text('Time zone of the time'),
} as const satisfies OptionTable;

const flatOptions = {
  includeTimeKey: boolean('Whether the time is added'),
  includeTagKey: boolean('Whether the tag is added'),
  timeAsEpoch: boolean('Whether the time is written as seconds since 1970'),
  timeKey: injectOptions.timeKey,
  timeFormat: injectOptions.timeFormat,
  timezone: injectOptions.timezone,
  tagKey: injectOptions.tagKey,
  localtime: injectOptions.localtime,
  utc: injectOptions.utc,
} as const satisfies OptionTable;

const flatNames = bySpelling(flatOptions);

type InjectValues = { -readonly [K in keyof InjectModel]: InjectModel[K] } & { utc?: boolean };

/** Reads an `<inject>` section. */
export function lowerInject(lowering: Lowering, section: Section): InjectModel {
  const owner: OptionOwner = { title: '<inject>', at: section.at };
  const { values, others } = readOptions(lowering, owner, injectOptions, section.attributes);
  reportUnknown(lowering, owner, others, [...bySpelling(injectOptions).keys()]);
  for (const inner of section.sections) lowering.error(inner.at, `<inject> takes no section <${inner.name}>`);
  const inject = values as InjectValues;
  if (inject.timeFormat !== undefined && inject.timeKey === undefined)
    lowering.warn(section.at, '<inject>: time_format has no effect without time_key');
  else if (inject.timeFormat !== undefined && inject.timeType !== 'string')
    lowering.warn(section.at, '<inject>: time_format has no effect unless time_type string is written too');
  return finish(lowering, owner, inject);
}

/** Makes an inject from flat v0.12 parameters; `taken` says which ones it read. */
export function flatInject(
  lowering: Lowering,
  owner: OptionOwner,
  attributes: readonly Attribute[],
): { readonly inject: InjectModel | undefined; readonly taken: ReadonlySet<string> } {
  const flat = attributes.filter((attribute) => flatNames.has(attribute.key));
  const taken = new Set(flat.map((attribute) => attribute.key));
  if (flat.length === 0) return { inject: undefined, taken };
  const { values } = readOptions(lowering, owner, flatOptions, flat);
  const { includeTimeKey, includeTagKey, timeAsEpoch, ...rest } = values;
  const inject = rest as InjectValues;
  if (includeTimeKey === true) {
    inject.timeKey ??= 'time';
    inject.timeType = 'string';
  }
  if (timeAsEpoch === true) {
    inject.timeKey ??= 'time';
    inject.timeType = 'unixtime';
  }
  if (includeTagKey === true) inject.tagKey ??= 'tag';
  const isEmpty = inject.timeKey === undefined && inject.tagKey === undefined;
  return { inject: isEmpty ? undefined : finish(lowering, owner, inject), taken };
}

function finish(lowering: Lowering, owner: OptionOwner, inject: InjectValues): InjectModel {
  if (inject.utc !== undefined && inject.localtime !== undefined && inject.utc === inject.localtime)
    lowering.error(owner.at, `${owner.title}: utc and localtime contradict each other; write one of them`);
  if (inject.utc !== undefined) inject.localtime ??= !inject.utc;
  if (inject.utc === true) inject.localtime = false;
  delete inject.utc;
  if (inject.timeKey !== undefined) inject.timeType ??= 'float';
  return inject;
}
