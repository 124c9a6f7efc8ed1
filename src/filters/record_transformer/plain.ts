/** `<record>` without Ruby: fixed placeholders. Source: Fluentd 1.16 filter_record_transformer.rb (PlaceholderExpander). */
import { compilePlaceholders, scopeOf } from '../../codecs/placeholders.ts';
import type { Scope } from '../../codecs/placeholders.ts';
import { rubyText } from '../../codecs/ruby.ts';
import { fieldEntries, fieldsFromEntries, isFields, needsExactKey } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import { keptFields, withValues } from './reform.ts';
import type { Reform, WrittenPair } from './reform.ts';

type Fill = (scope: Scope) => Value;

/** `unknown` is told of placeholders that have no value. */
export function plainReform(
  pairs: readonly WrittenPair[],
  keepKeys: readonly string[] | undefined,
  autoTypecast: boolean,
  unknown: (mark: string) => void,
): Reform {
  const isFixed = pairs.every(({ key }) => !/\$\{|__/.test(key));
  const fixedKeys = pairs.map(({ key }) => key);
  const keys = isFixed ? [] : pairs.map(({ key }) => compilePlaceholders(key, true, unknown));
  const values = pairs.map(({ value }) => compileValue(value, !autoTypecast, unknown));
  const mayBeExact = !isFixed || fixedKeys.some(needsExactKey) || pairs.some(({ isJson }) => isJson);
  let scope: Scope;
  return {
    time: undefined,
    mayTakeLong: false,
    begin(batch) {
      scope = scopeOf(batch);
    },
    row(fields, row) {
      scope.fields = fields;
      scope.row = row;
      const names = isFixed ? fixedKeys : keys.map((key) => rubyText(key(scope)));
      return withValues(
        keptFields(fields, keepKeys),
        names,
        values.map((fill) => fill(scope)),
        mayBeExact,
      );
    },
  };
}

function compileValue(value: Value, asText: boolean, unknown: (mark: string) => void): Fill {
  if (typeof value === 'string') return compilePlaceholders(value, asText, unknown);
  if (Array.isArray(value)) {
    const inner = value.map((one) => compileValue(one, asText, unknown));
    return (scope) => inner.map((fill) => fill(scope));
  }
  if (isFields(value)) {
    const inner = fieldEntries(value).map(
      ([key, one]) => [compilePlaceholders(key, true, unknown), compileValue(one, asText, unknown)] as const,
    );
    return (scope) => fieldsFromEntries(inner.map(([key, fill]) => [rubyText(key(scope)), fill(scope)] as const));
  }
  return () => value;
}
