/** The fakes of Google's services, and outputs of a plugin that write to them. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { FakeClock } from '../../src/core/clock.ts';
import type { Batch } from '../../src/core/batch.ts';
import type { Output, Plugin, WriteResult } from '../../src/core/plugin.ts';
import { builtinPlugins } from '../../src/plugins.ts';
import { chunkOf, configOf, contextOf, outputContextOf } from '../fixture.ts';
import { Tokens, fakeCloudLogging, fakeMetadataService } from './cloud-logging-fake.ts';

type Service<T extends (...args: never[]) => unknown> = Awaited<ReturnType<T>>;

/** How a plugin is pointed at the fakes. */
export interface Pointing {
  /** What the machine says of itself. */
  readonly machine: Readonly<Record<string, string>>;
  /** The plugin, which finds the fakes by its environment. */
  readonly plugin: (urls: { readonly logging: string; readonly metadata: string }) => Plugin;
  /** Options of each output, before those of the test. */
  readonly options: (urls: { readonly logging: string }) => Readonly<Record<string, unknown>>;
}

export interface GoogleWorld {
  readonly tokens: Tokens;
  readonly logging: Service<typeof fakeCloudLogging>;
  readonly metadata: Service<typeof fakeMetadataService>;
  readonly clock: FakeClock;
  /** An output that is open, closed when the test ends. */
  readonly make: (options?: Record<string, unknown>) => Promise<Output>;
  readonly write: (output: Output, ...batches: Batch[]) => Promise<WriteResult>;
}

export async function googleWorld(
  t: TestContext,
  { machine, plugin: pluginOf, options: common }: Pointing,
): Promise<GoogleWorld> {
  const tokens = new Tokens();
  const logging = await fakeCloudLogging(t, tokens);
  const metadata = await fakeMetadataService(t, machine, tokens);
  const urls = { logging: logging.url, metadata: metadata.url };
  const base = contextOf(builtinPlugins);
  // The day after the records of the fixtures.
  base.clock.setWall(Date.UTC(2024, 2, 6));
  const context = outputContextOf(base);
  return {
    tokens,
    logging,
    metadata,
    clock: base.clock,
    async make(options = {}) {
      const plugin = pluginOf(urls);
      assert.ok(plugin.kind === 'output');
      const config = configOf(plugin, { ...common(urls), ...options });
      plugin.check?.(config);
      const output = plugin.create(config, context);
      t.after(() => output.close());
      await output.open?.();
      return output;
    },
    async write(output, ...batches) {
      return (await output.write(chunkOf(batches), new AbortController().signal)) ?? {};
    },
  };
}
