/** `post2log check --probe`: asks each output's target whether it would take records. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutputModel, PipelineModel, PluginModel } from '../config/model.ts';
import { realClock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import type { Output } from '../core/plugin.ts';
import type { Registry } from '../core/registry.ts';
import { Instances } from '../instances.ts';

/** Longest wait for one target: outputs have limits of their own for connections, most of them longer than a person waits. */
const limitMs = 15_000;

const noAnswer = `no answer within ${limitMs / 1000} s; check its address and port, firewalls, and whether it speaks TLS`;

/** What an output's target said. */
interface Probed {
  readonly id: string;
  readonly said: string;
  readonly isGood: boolean;
}

/** Asks all targets at once; prints a line for each. True: none said no. Nothing is sent to be kept. */
export async function probeOutputs(
  model: PipelineModel,
  registry: Registry,
  out: (text: string) => void,
): Promise<boolean> {
  const instances = new Instances({ registry, log: createLog('error'), clock: realClock, metrics: new Metrics() });
  const directory = await mkdtemp(join(tmpdir(), 'post2log-probe-'));
  try {
    const asked = model.outputs.flatMap((output) => targetsOf(output, registry, instances, directory));
    const probed = await Promise.all(asked.map(({ id, output }) => probe(id, output)));
    for (const { id, said } of probed) out(`probe ${id}: ${said}\n`);
    return probed.every(({ isGood }) => isGood);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** An output and its secondary, made but not opened; the store is left out, which is a part of the program itself. */
function targetsOf(
  model: OutputModel,
  registry: Registry,
  instances: Instances,
  directory: string,
): { id: string; output: Output }[] {
  const plugins: [string, PluginModel][] = [[model.id, model.plugin]];
  if (model.secondary) plugins.push([`${model.id}, its secondary`, model.secondary]);
  const known = plugins.filter(([, { type }]) => type !== 'store' && registry.get('output', type) !== undefined);
  return known.map(([id, plugin]) => ({
    id,
    output: instances.output(plugin, {
      id: model.id,
      committed: undefined,
      buffer: model.buffer,
      directory: join(directory, encodeURIComponent(id)),
      store: {
        hold: () => {
          throw new Error('a probe holds no store');
        },
      },
    }),
  }));
}

async function probe(id: string, output: Output): Promise<Probed> {
  if (!output.probe) return { id, said: 'ok, nothing to ask', isGood: true };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(noAnswer)), limitMs);
  });
  try {
    const but = await Promise.race([output.probe(), late]);
    return { id, said: but === undefined ? 'ok' : `ok, but ${but}`, isGood: true };
  } catch (error) {
    return { id, said: `FAILED: ${errorText(error)}`, isGood: false };
  } finally {
    clearTimeout(timer);
    await output.close().catch(() => undefined);
  }
}
