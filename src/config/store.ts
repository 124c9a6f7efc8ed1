/**
 * The store in a configuration. It has one output, always called `store`: what it has taken is kept by shard and offset, so
 * a second one, or one with a place of its own in the journal, would find its records taken already and lose them.
 * Where the variables ask for it and the configuration names none, the store gets every record as it was received,
 * beside the routes.
 */
import type { OutputModel, PipelineModel } from './model.ts';
import type { OutputSpec } from '../core/plugin.ts';
import { builtinPlace } from './builtin.ts';
import { unwrittenBuffer } from './fluentd/buffer.ts';
import type { Lowering } from './fluentd/lowering.ts';

/** Name of the plugin, and id of its one output. */
export const storeOutputId = 'store';

/** Does a configuration send anything to the store? */
export function usesStore(model: Pick<PipelineModel, 'outputs'>): boolean {
  return model.outputs.some(({ plugin }) => plugin.type === storeOutputId);
}

export interface StoreRequest {
  /** P2L_STORE; undefined: on for the built-in configuration, off beside a file. */
  readonly isWanted: boolean | undefined;
  readonly isFile: boolean;
  /** False: the packages it needs are not there. */
  readonly isInstalled: boolean;
}

const notInstalled =
  'this installation has no store: the package @duckdb/node-bindings is missing, as in the image whose tag ends in -slim; take one with the store';

/** The model with the store as the variables and the model itself want it; undefined after reporting what is wrong. */
export function withStore(
  lowering: Lowering,
  model: PipelineModel,
  { isWanted, isFile, isInstalled }: StoreRequest,
): PipelineModel | undefined {
  const named = model.outputs.filter(({ plugin }) => plugin.type === storeOutputId);
  if (!isSound(lowering, model, named, isWanted)) return undefined;
  if (!isInstalled) return withoutStore(lowering, model, named, isWanted);
  if (named.length > 0 || !(isWanted ?? !isFile)) return model;
  const spec = lowering.plugin('output', storeOutputId, builtinPlace);
  if (!spec) return undefined;
  if (lowering.hasId(storeOutputId)) {
    lowering.problems.push({
      at: undefined,
      text: 'P2L_STORE=on: the output of the store is called store, and so is a section of the configuration; give that one another @id',
    });
    return undefined;
  }
  return { ...model, outputs: [...model.outputs, tap(spec)], taps: [storeOutputId] };
}

/** What asks for the store is told that there is none; where only the default would have had it on, it is off. */
function withoutStore(
  lowering: Lowering,
  model: PipelineModel,
  named: readonly OutputModel[],
  isWanted: boolean | undefined,
): PipelineModel | undefined {
  for (const { plugin } of named) lowering.error(plugin.at, `${notInstalled}, or remove this output`);
  if (named.length === 0 && isWanted === true)
    lowering.problems.push({ at: undefined, text: `P2L_STORE=on: ${notInstalled}, or set P2L_STORE=off` });
  return named.length > 0 || isWanted === true ? undefined : model;
}

function tap(spec: OutputSpec): OutputModel {
  const plugin = { kind: 'output', type: spec.name, options: {}, sections: {}, at: builtinPlace } as const;
  return { id: storeOutputId, plugin, buffer: unwrittenBuffer(spec) };
}

function isSound(
  lowering: Lowering,
  model: PipelineModel,
  named: readonly OutputModel[],
  isWanted: boolean | undefined,
): boolean {
  const before = lowering.problems.length;
  const [first, ...others] = named;
  if (first && isWanted === false)
    lowering.error(first.plugin.at, 'P2L_STORE=off, but here is an output store; remove one of them');
  if (first && first.id !== storeOutputId)
    lowering.error(
      first.plugin.at,
      'the output of the store is always called store; remove its @id, and leave @id store to it',
    );
  for (const { plugin } of others)
    lowering.error(
      plugin.at,
      `a second output store (the first is at ${first?.plugin.at.file}:${first?.plugin.at.line}): there is one store, and it takes a record once; let one match or <label> lead to it`,
    );
  for (const { secondary } of model.outputs)
    if (secondary?.type === storeOutputId)
      lowering.error(
        secondary.at,
        'the store cannot be a <secondary>: it takes records by its own place in the journal',
      );
  return lowering.problems.length === before;
}
