/** Runs the sources that receive nothing and tell of the program, as the configuration that runs has them. */
import type { EndpointModel, PipelineModel } from '../config/model.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Source } from '../core/plugin.ts';

export interface EndpointsOptions {
  /** Makes one; does no I/O. */
  readonly make: (model: EndpointModel) => Source;
  readonly log: Log;
}

export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #running = new Map<string, { readonly signature: string; readonly endpoint: Source }>();

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }
  /** Stops those that are changed or gone, starts the new ones. @throws OperatingError LISTEN_FAILED */
  async use({ endpoints = [] }: Pick<PipelineModel, 'endpoints'>): Promise<void> {
    const wanted = new Map(endpoints.map((model) => [model.id, model]));
    for (const [id, { signature, endpoint }] of this.#running) {
      const model = wanted.get(id);
      if (model && signatureOf(model) === signature) continue;
      this.#running.delete(id);
      await endpoint
        .stop()
        .catch((error: unknown) => this.#options.log.error(`stopping source ${id}: ${errorText(error)}`));
    }
    for (const [id, model] of wanted) {
      if (this.#running.has(id)) continue;
      const endpoint = this.#options.make(model);
      await endpoint.start();
      this.#running.set(id, { signature: signatureOf(model), endpoint });
    }
  }
  close(): Promise<void> {
    return this.use({});
  }
}

/** Where it stands in a file changes nothing. */
function signatureOf({ plugin: { type, options, sections } }: EndpointModel): string {
  return JSON.stringify([type, options, sections], (key, value: unknown) => (key === 'at' ? undefined : value));
}
