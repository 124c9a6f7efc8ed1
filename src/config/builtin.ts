/**
 * The built-in configuration, run where no file is named: a postback source set by the `P2L_*` variables, the user's
 * P2L_FLUENTD_EXTRACFG, and `<match **>` to standard output for what that leaves over.
 */
import { rootLabel } from './model.ts';
import type { SourceModel } from './model.ts';
import { readPostbackEnv } from './env.ts';
import type { Environment } from './env.ts';
import type { Section } from './fluentd/element.ts';
import type { Lowering } from './fluentd/lowering.ts';
import { passesCheck } from './fluentd/plugin.ts';

/** Where the built-in parts stand, for problems and `check`. */
const builtinPlace = { file: 'built-in', line: 1, column: 1 };

/** How P2L_FLUENTD_EXTRACFG is named in places. */
export const extraFile = 'P2L_FLUENTD_EXTRACFG';

/** The postback source as the variables set it; undefined after reporting what is wrong. Claims its id. */
export function builtinSource(lowering: Lowering, env: Environment): SourceModel | undefined {
  const spec = lowering.plugin('source', 'postback', builtinPlace);
  if (!spec) return undefined;
  lowering.claimId('postback', builtinPlace);
  const { values, problems } = readPostbackEnv(env, spec.options);
  lowering.problems.push(...problems);
  if (problems.length > 0) return undefined;
  // A header of one's own is a scheme of one's own; the presets bring theirs.
  if (values['signature'] === undefined && values['signatureHeader'] !== undefined) values['signature'] = 'custom';
  if (values['signature'] === undefined && values['signatureSecret'] !== undefined) {
    lowering.problems.push({
      at: undefined,
      text: 'P2L_HMAC_SECRET is set, but neither P2L_HMAC_PRESET (github, stripe, slack, shopify) nor P2L_HMAC_HEADER says how requests are signed',
    });
    return undefined;
  }
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(spec.options)) {
    const value = values[name] ?? option.schema.safeParse(undefined).data;
    if (value !== undefined) options[name] = value;
  }
  const plugin = { kind: 'source', type: spec.name, options, sections: {}, at: builtinPlace } as const;
  const owner = { title: 'the built-in postback source (P2L_* variables)', at: builtinPlace };
  return passesCheck(lowering, owner, spec, plugin) ? { id: 'postback', plugin, label: rootLabel } : undefined;
}

/** Puts the built-in output behind what the user wrote: stdout, or null where only log files are wanted. */
export function withBuiltinMatch(root: Section, type: 'stdout' | 'null'): Section {
  const attribute = (key: string, text: string) => ({
    key,
    value: { text, form: 'bare', unset: undefined, isBroken: false, at: builtinPlace } as const,
    at: builtinPlace,
  });
  const match: Section = {
    name: 'match',
    argument: '**',
    attributes: [attribute('@type', type), attribute('@id', `builtin_${type}`)],
    sections: [],
    at: builtinPlace,
  };
  return { ...root, sections: [...root.sections, match] };
}
