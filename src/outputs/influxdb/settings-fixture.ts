/** Settings of lines for tests: those of Fluentd's plugin with nothing configured, and of Fluent Bit's. */
import type { PointForm } from './form.ts';
import type { LineSettings } from './lines.ts';

export function lineSettings(
  form: Partial<PointForm> = {},
  rest: Partial<Omit<LineSettings, 'form'>> = {},
): LineSettings {
  return {
    form: {
      dialect: 'fluentd',
      tagKeys: new Set(),
      hasAutoTags: false,
      tagsListKey: undefined,
      fieldKeys: undefined,
      isSorted: false,
      integers: 'suffixed',
      nested: 'json',
      timeKey: 'time',
      policyKey: undefined,
      ...form,
    },
    precision: 's',
    isTimeRounded: false,
    movesEqualTimes: false,
    sequence: undefined,
    isExactlyOnce: false,
    isDiverting: false,
    routeTag: undefined,
    lineKey: undefined,
    ...rest,
  };
}

export function fluentbitSettings(
  form: Partial<PointForm> = {},
  rest: Partial<Omit<LineSettings, 'form'>> = {},
): LineSettings {
  return lineSettings(
    { dialect: 'fluentbit', integers: 'plain', nested: 'skip', timeKey: undefined, ...form },
    { precision: 'ns', movesEqualTimes: true, sequence: { tag: '_seq', counts: 'endless' }, ...rest },
  );
}
