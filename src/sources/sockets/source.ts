/** A source that listens on one socket: its intake and its listener, started and stopped together. */
import type { AddressInfo } from 'node:net';
import type { Source } from '../../core/plugin.ts';
import type { Intake } from './intake.ts';

interface Listener {
  /** Resolves with where it listens; undefined for a Unix socket. */
  start(): Promise<AddressInfo | undefined>;
  stop(): Promise<void>;
}

export class SocketSource implements Source {
  readonly #intake: Intake;
  readonly #makeListener: (intake: Intake) => Promise<Listener>;
  #listener: Listener | undefined;
  #address: AddressInfo | undefined;

  /** `makeListener` may look up what the configuration names. */
  constructor(intake: Intake, makeListener: (intake: Intake) => Promise<Listener>) {
    this.#intake = intake;
    this.#makeListener = makeListener;
  }
  /** Where it listens, once started. Seen outside by tests. */
  get address(): AddressInfo | undefined {
    return this.#address;
  }
  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<void> {
    this.#listener = await this.#makeListener(this.#intake);
    this.#address = await this.#listener.start();
  }
  async stop(): Promise<void> {
    this.#intake.stop();
    await this.#listener?.stop();
  }
}
