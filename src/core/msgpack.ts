/** MessagePack as records are kept. Filled in by its own room soon. */
import type { Value } from './record.ts';

/** Decodes one MessagePack value. */
export function decodeMsgpack(_bytes: Uint8Array): Value {
  throw new TypeError('not yet');
}
