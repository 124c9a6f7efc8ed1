/** Connections for questions: few, and used again. */
import type { Connection, Database } from './database.ts';
import { Slots } from './waiting.ts';

/** Questions that run at once. Each can fill DuckDB's memory and keeps a thread of Node's pool busy. */
const connectionsMax = 4;

/** A connection in use. */
export interface Lease {
  readonly connection: Connection;
  /** Ends its transaction and gives it back. Calls after the first change nothing. */
  release(): Promise<void>;
}

export class Connections {
  readonly #database: Database;
  readonly #slots = new Slots(connectionsMax);
  readonly #free: Connection[] = [];
  #isClosed = false;
  constructor(database: Database) {
    this.#database = database;
  }
  /** Waits where all are in use. */
  async take(): Promise<Lease> {
    const giveSlot = await this.#slots.take();
    const over = this.#database.courtesy.begin();
    const giveBack = (): void => {
      over();
      giveSlot();
    };
    try {
      const connection = this.#free.pop() ?? (await this.#database.connect());
      let isReleased = false;
      return {
        connection,
        release: async () => {
          if (isReleased) return;
          isReleased = true;
          await this.#end(connection);
          giveBack();
        },
      };
    } catch (error) {
      giveBack();
      throw error;
    }
  }
  async #end(connection: Connection): Promise<void> {
    try {
      await connection.run('ROLLBACK');
      if (this.#isClosed) connection.close();
      else this.#free.push(connection);
    } catch {
      // It was in no transaction, or cannot be used any more: the next question gets a new one.
      connection.close();
    }
  }
  /** Those in use are closed when they are given back. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#free.splice(0)) connection.close();
  }
}
