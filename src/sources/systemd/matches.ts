/** Which entries are read: Fluentd's `matches` and Fluent Bit's `Systemd_Filter` as arguments of journalctl. */

/** `FIELD=value` in groups: of a group all fields must fit (one field's values: any), and any group may. */
export type Matches = readonly (readonly string[])[];

/** `[{"_SYSTEMD_UNIT": "a.service", "PRIORITY": ["3", "4"]}]`. @throws Error saying what is wrong */
export function readMatches(written: string): Matches {
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch {
    throw new Error('matches is not JSON: expected a list such as [{"_SYSTEMD_UNIT": "docker.service"}]');
  }
  const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((one) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one))
      throw new Error('matches: expected objects of fields and values, such as [{"_SYSTEMD_UNIT": "docker.service"}]');
    return Object.entries(one).flatMap(([key, value]) =>
      [value]
        .flat()
        .map((single) =>
          fieldMatch(`${key.toUpperCase()}=${typeof single === 'string' ? single : JSON.stringify(single)}`),
        ),
    );
  });
}

/** `Systemd_Filter`, each `FIELD=value`; `and`: all must fit. @throws Error saying what is wrong */
export function filterMatches(filters: readonly string[], type: 'and' | 'or'): Matches {
  const all = filters.map(fieldMatch);
  if (type === 'or') return all.map((one) => [one]);
  const names = all.map((one) => one.slice(0, one.indexOf('=')));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(
      `Systemd_Filter_Type and: ${twice} is named twice, and an entry seldom has two values of a field; use a filter grep`,
    );
  return all.length === 0 ? [] : [all];
}

function fieldMatch(text: string): string {
  if (/^[A-Z0-9_]{1,64}=/.test(text)) return text;
  throw new Error(`${text}: expected FIELD=value, the field in capital letters, such as _SYSTEMD_UNIT=docker.service`);
}

/** As arguments: groups with `+` between them. */
export function matchArguments(matches: Matches): string[] {
  return matches.flatMap((group, i) => (i === 0 ? group : ['+', ...group]));
}
