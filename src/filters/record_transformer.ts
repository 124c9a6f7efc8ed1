/** The `record_transformer` filter: adds, keeps, renames and removes fields. Source: Fluentd 1.16 filter_record_transformer.rb. */
import { ownedFor } from '../codecs/fields.ts';
import { compilePlaceholders, scopeOf } from '../codecs/placeholders.ts';
import type { Scope } from '../codecs/placeholders.ts';
import { rubyFloat, rubyInspect, rubyText } from '../codecs/ruby.ts';
import { compileAccessor } from '../core/accessor.ts';
import type { Instant } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { parseRecord, scanJson } from '../core/json.ts';
import { boolean, list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries, getField, isFields, setField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  removeKeys: list('Fields to remove at the end; record accessors ($.a.b) reach nested ones.'),
  keepKeys: list('Fields to keep with renew_record.'),
  renewRecord: boolean('Begins with an empty record instead of the one that came.', { default: false }),
  renewTimeKey: text("The field whose number becomes the record's time, in seconds since 1970."),
  enableRuby: boolean('Takes Ruby expressions in ${…}; comes with a later version.', { default: false }),
  autoTypecast: boolean('Keeps the type of a value that a placeholder alone gives.', { default: true }),
};

export const recordTransformerFilter = definePlugin({
  kind: 'filter',
  name: 'record_transformer',
  summary: 'Adds, changes and removes fields, with placeholders for tag, time, host name and other fields.',
  options,
  sections: {
    record: {
      summary: 'New fields: a name, and a text or JSON value with placeholders.',
      options: {},
      isFreeform: true,
      isMany: true,
    },
  },
  example: `<filter app.**>
  @type record_transformer
  remove_keys password, $.request.cookie
  <record>
    host \${hostname}
    service \${tag_parts[1]}
    user \${record["userId"]}
  </record>
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      options: ['enableRuby'],
      text: 'Runs Ruby with `enable_ruby true`. This version has no Ruby expressions and says so as an error.',
    },
  ],
  check(config) {
    if (config.options.enableRuby)
      throw new Error('enable_ruby true is not supported yet; it comes with a later version, use plain placeholders');
    if (config.options.keepKeys !== undefined && !config.options.renewRecord)
      throw new Error('`renew_record` must be true to use `keep_keys`');
    config.options.removeKeys?.forEach(compileAccessor);
  },
  create(config, context) {
    const said = new Set<string>();
    const reform = compileReform(config, (problem) => {
      // Once each: a field that some records lack is common, and a line a record would drown everything else.
      if (said.has(problem)) return;
      said.add(problem);
      context.log.warn(`record_transformer: ${problem}`);
    });
    const removed = (config.options.removeKeys ?? []).map(compileAccessor);
    const renewTime = config.options.renewTimeKey;
    return {
      apply(batch, reject) {
        const scope = scopeOf(batch);
        const times: (Instant | undefined)[] = [];
        return batch.map((fields, row) => {
          scope.row = row;
          scope.fields = fields;
          const changed = reform(scope);
          const value = renewTime === undefined ? undefined : getField(changed, renewTime);
          if (value !== undefined) {
            times[row] = instantOf(value);
            if (!times[row]) {
              reject(row, `record_transformer: renew_time_key ${renewTime}: ${rubyInspect(value)} is not a time`);
              return undefined;
            }
          }
          for (const accessor of removed) accessor.delete(changed);
          return changed;
        }, times);
      },
    };
  },
});

/** The new record; the caller owns it. Every `<record>` line sees the record as it came. */
function compileReform(
  config: PluginConfig<typeof options>,
  warn: (problem: string) => void,
): (scope: Scope) => Fields {
  const { renewRecord, keepKeys = [], autoTypecast } = config.options;
  const unknown = (mark: string) => warn(`unknown placeholder \`${mark}\` found; it is empty.`);
  const pairs = new Map<string, (scope: Scope) => Value>();
  for (const section of config.sections['record'] ?? [])
    for (const pair of section.pairs) {
      // A later line for the same key takes the earlier one's place.
      pairs.set(pair.key, compileValue(pairValue(pair.value, warn), !autoTypecast, unknown));
    }
  const entries = [...pairs];
  const keys = [...pairs.keys()];
  return (scope) => {
    const kept = renewRecord ? keepFields(scope.fields, keepKeys) : scope.fields;
    const changed = ownedFor(kept, keys);
    for (const [key, value] of entries) setField(changed, key, value(scope));
    return changed;
  };
}

function keepFields(fields: Fields, keys: readonly string[]): Fields {
  return fieldsFromEntries(
    keys.flatMap((key) => {
      const value = getField(fields, key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

/** A value written as JSON object or array; any other is text, `12` and `true` too. */
function pairValue(written: string, warn: (problem: string) => void): Value {
  if (!/^[{[]/.test(written)) return written;
  try {
    JSON.parse(written);
    const wrapped = `{"value":${written}}`;
    return getField(parseRecord(wrapped, scanJson(Buffer.from(wrapped)).exact), 'value') ?? null;
  } catch (error) {
    warn(`${written} is not JSON (${errorText(error)}); it is taken as text.`);
    return written;
  }
}

function compileValue(value: Value, asText: boolean, unknown: (mark: string) => void): (scope: Scope) => Value {
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

function instantOf(value: Value): Instant | undefined {
  const number = rubyFloat(value);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  const seconds = Math.floor(number);
  // The journal keeps whole seconds exactly up to 2^53.
  if (!Number.isSafeInteger(seconds)) return undefined;
  return { seconds, nanos: Math.min(999_999_999, Math.floor((number - seconds) * 1e9)) };
}
