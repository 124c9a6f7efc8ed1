/**
 * The built-in configuration, run where no file is named: a postback source set by the `P2L_*` variables, the user's
 * P2L_FLUENTD_EXTRACFG, and `<match **>` to standard output for what that leaves over. (The store beside it: store.ts.)
 */
import { rootLabel } from './model.ts';
import type { PluginModel, SourceModel } from './model.ts';
import { errorText } from '../core/errors.ts';
import type { SourceSpec } from '../core/plugin.ts';
import { postbackVariableOf, readPostbackEnv } from './env.ts';
import type { Environment } from './env.ts';
import type { Section } from './fluentd/element.ts';
import type { Lowering } from './fluentd/lowering.ts';

/** Where the built-in parts stand, for problems and `check`. */
export const builtinPlace = { file: 'built-in', line: 1, column: 1 };

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
  reportUnfit(lowering, spec, values);
  return { id: 'postback', plugin: sourceModel(spec, values), label: rootLabel };
}

/** The source with these values, and its defaults for the other options. */
function sourceModel(spec: SourceSpec, values: Readonly<Record<string, unknown>>): PluginModel {
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(spec.options)) {
    const value = values[name] ?? option.schema.safeParse(undefined).data;
    if (value !== undefined) options[name] = value;
  }
  return { kind: 'source', type: spec.name, options, sections: {}, at: builtinPlace };
}

/** Runs the plugin's own check and reports each variable without which it would have gone better. */
function reportUnfit(lowering: Lowering, spec: SourceSpec, values: Readonly<Record<string, unknown>>): void {
  const left = { ...values };
  for (let text = checkText(spec, left); text !== undefined; text = checkText(spec, left)) {
    const culprit = Object.keys(left).find((name) => checkText(spec, { ...left, [name]: undefined }) !== text);
    const variable = (culprit && postbackVariableOf(culprit)) ?? 'the built-in postback source';
    const said = withVariables(text);
    lowering.problems.push({ at: undefined, text: said.startsWith(`${variable}: `) ? said : `${variable}: ${said}` });
    if (culprit === undefined) return;
    delete left[culprit];
  }
}

/** A text with the variables of options in place of their names, which nobody has written here. */
function withVariables(text: string): string {
  return text.replaceAll(/\b[a-z]+(?:_[a-z]+)+\b/g, (option) => {
    const name = option.replaceAll(/_([a-z])/g, (_part, letter: string) => letter.toUpperCase());
    return postbackVariableOf(name) ?? option;
  });
}

function checkText(spec: SourceSpec, values: Readonly<Record<string, unknown>>): string | undefined {
  try {
    spec.check?.(sourceModel(spec, values));
    return undefined;
  } catch (error) {
    return errorText(error);
  }
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
