/**
 * The `rewrite_tag` step of Fluent Bit: gives records new tags by patterns on their fields; the first rule that matches
 * decides. Source: Fluent Bit 5.1 filter_rewrite_tag/rewrite_tag.c.
 */
import { compileFluentbitAccessor, compileFluentbitTemplate } from '../codecs/fluentbit-accessor.ts';
import type { FluentbitAccessor, TemplateSource } from '../codecs/fluentbit-accessor.ts';
import { compileFluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import type { FluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import { eachGuarded } from '../codecs/guarded-match.ts';
import type { Batch } from '../core/batch.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { boolean, pattern, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';

const journalHolds = 'records with new tags come from the journal like all others';

export const rewriteTagStep = definePlugin({
  kind: 'step',
  name: 'rewrite_tag',
  summary: 'Gives records new tags by patterns on their fields and routes them again, the way Fluent Bit does.',
  options: {},
  sections: {
    rule: {
      summary: 'A rule; the first that matches decides.',
      isMany: true,
      options: {
        key: text("The field, as a record accessor ($a['b']).", { required: true }),
        pattern: pattern('What its text is searched for.', { required: true }),
        tag: text("The new tag; $TAG, $TAG[1], $1 and $a['b'] are filled in.", { required: true }),
        keep: boolean('Whether the record also goes on under its old tag.', { default: false }),
      },
    },
  },
  fluentbit: fluentbitForm({
    repeated: { rule: 'A rule: key, expression, new tag, and whether the record goes on under its old one too.' },
    ignored: {
      emitter_name: journalHolds,
      'emitter_storage.type': journalHolds,
      emitter_mem_buf_limit: journalHolds,
    },
    lower(written) {
      if (written.pairs.length === 0) written.warn(written.at, 'no Rule is written: nothing gets a new tag');
      return { sections: { rule: written.pairs.flatMap((pair) => ruleOf(written, pair)) } };
    },
    example: `[FILTER]
    Name  rewrite_tag
    Match app.*
    Rule  $level ^(warn|error)$ $1.$TAG false`,
  }),
  example: '',
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Two filters that each match what the other one made go on for ever. Here a record takes 32 steps at most, and goes to the dead letters then (`hop_limit`).',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Records with new tags wait in a buffer of their own, in memory; when it is full they are lost. Here they are routed again from the journal.',
    },
  ],
  check: (config) => void compileRules(config),
  create(config) {
    const rules = compileRules(config);
    return {
      dropReason: 'filtered',
      letsPass: true,
      passesOwn: true,
      retag(batch, emit, reject) {
        const found: (Rewritten | undefined)[] = [];
        const late = new Set<number>();
        eachGuarded(
          batch.count,
          rules.map(({ pattern: { match } }) => match),
          (row) => (found[row] = rewrite(rules, batch, row)),
          (row) => {
            found[row] = undefined;
            late.add(row);
            reject(row, 'time_limit');
          },
        );
        for (const [tag, rows] of byTag(found)) emit(part(batch, rows).withTag(tag));
        return part(
          batch,
          Array.from({ length: batch.count }, (_, row) => row).filter(
            (row) => !late.has(row) && found[row]?.keep !== false,
          ),
        );
      },
    };
  },
});

function ruleOf({ error, warn }: FluentbitWritten, { value, at, valueAt = at }: FluentbitWritten['pairs'][number]) {
  const [key, expression, tag, keep] = fluentbitWords(value) ?? [];
  const isKept = /^(?:true|on|yes)$/i.test(keep ?? '');
  if (key === undefined || expression === undefined || tag === undefined || keep === undefined)
    error(valueAt, `Rule ${value}: expected a key, a regular expression, a tag, and true or false`);
  else {
    if (!isKept && !/^(?:false|off|no)$/i.test(keep))
      warn(
        valueAt,
        `Rule ${value}: found ${keep}, expected true or false at the end; as in Fluent Bit it counts as false`,
      );
    return [madeSection({ key, pattern: expression, tag, keep: isKept }, at)];
  }
  return [];
}

interface Rule {
  readonly accessor: FluentbitAccessor;
  readonly pattern: FluentbitPattern;
  readonly tag: (source: TemplateSource) => string;
  readonly keep: boolean;
}
interface Rewritten {
  readonly tag: string;
  readonly keep: boolean;
}

function compileRules({ sections }: PluginConfig): Rule[] {
  return (sections['rule'] ?? []).map(({ options }) => ({
    accessor: compileFluentbitAccessor(String(options['key'])),
    pattern: compileFluentbitPattern(String(options['pattern'])),
    tag: compileFluentbitTemplate(String(options['tag'])),
    keep: options['keep'] === true,
  }));
}

function rewrite(rules: readonly Rule[], batch: Batch, row: number): Rewritten | undefined {
  const fields = batch.fields(row);
  for (const { accessor, pattern, tag, keep } of rules) {
    const found = pattern.exec(accessor.get(fields));
    // Without a group there is no $0 either.
    if (found) return { tag: tag({ tag: batch.tag, fields, captures: found.length > 1 ? found : [] }), keep };
  }
  return undefined;
}

/** The rows of each new tag, in the order of their first rows. */
function byTag(found: readonly (Rewritten | undefined)[]): Map<string, number[]> {
  const tags = new Map<string, number[]>();
  for (const [row, one] of found.entries()) {
    if (!one) continue;
    const rows = tags.get(one.tag);
    if (rows) rows.push(row);
    else tags.set(one.tag, [row]);
  }
  return tags;
}

function part(batch: Batch, rows: readonly number[]): Batch {
  return rows.length === batch.count ? batch : batch.select(rows);
}
