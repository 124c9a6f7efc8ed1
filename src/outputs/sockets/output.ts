/** Writes chunks to a connection, or each record as a datagram. */
import { writeChunk } from '../../codecs/rows.ts';
import type { Batch } from '../../core/batch.ts';
import { ByteWriter } from '../../core/bytes.ts';
import type { Chunk, Formatter, Output, WriteResult } from '../../core/plugin.ts';
import type { Datagrams } from './datagrams.ts';
import { datagramBytesMax } from './datagrams.ts';
import type { Stream } from './stream.ts';

const asItIs = (batch: Batch): Batch => batch;

/** `array`: the records of a chunk are one JSON array. */
export function streamOutput(formatter: Formatter, stream: Stream, layout: 'rows' | 'array'): Output {
  const rows = layout === 'array' ? withCommas(formatter) : formatter;
  return {
    async write(chunk, signal) {
      const out = new ByteWriter();
      if (layout === 'array') out.text('[');
      const refused = writeChunk(rows, chunk, asItIs, out);
      if (refused.length === chunk.count) return { refused };
      if (layout === 'array') {
        out.truncate(out.length - 1);
        out.text(']');
      }
      await stream.send(out.view(), signal);
      return { refused };
    },
    async probe() {
      await stream.open();
    },
    close() {
      stream.close();
      return Promise.resolve();
    },
  };
}

function withCommas(formatter: Formatter): Formatter {
  return {
    contentType: formatter.contentType,
    write(batch, from, to, out) {
      for (let row = from; row < to; row++) {
        formatter.write(batch, row, row + 1, out);
        out.text(',');
      }
    },
  };
}

/** `isArray`: each record stands in brackets, as Fluent Bit's udp has it with Format json. */
export function datagramOutput(formatter: Formatter, datagrams: Datagrams, isArray = false): Output {
  return {
    write: (chunk, signal) => sendEach(chunk, isArray ? inBrackets(formatter) : formatter, datagrams, signal),
    async probe() {
      await datagrams.open();
    },
    close() {
      datagrams.close();
      return Promise.resolve();
    },
  };
}

function inBrackets(formatter: Formatter): Formatter {
  return {
    contentType: formatter.contentType,
    write(batch, from, to, out) {
      for (let row = from; row < to; row++) {
        out.text('[');
        formatter.write(batch, row, row + 1, out);
        // The line feed that ends it stands behind the bracket.
        out.truncate(out.length - 1);
        out.text(']\n');
      }
    },
  };
}

async function sendEach(
  chunk: Chunk,
  formatter: Formatter,
  datagrams: Datagrams,
  signal: AbortSignal,
): Promise<WriteResult> {
  const out = new ByteWriter();
  const ends: number[] = [];
  const refused = writeChunk(formatter, chunk, asItIs, out, ends);
  const unwritten = new Set(refused.map(({ row }) => row));
  const bytes = out.view();
  let from = 0;
  let index = 0;
  for (let row = 0; row < chunk.count; row++) {
    if (unwritten.has(row)) continue;
    const end = ends[index++] as number;
    const datagram = bytes.subarray(from, end);
    from = end;
    const isSent = datagram.length <= datagramBytesMax && (await datagrams.send(datagram));
    if (!isSent) refused.push({ row, reason: `OUTPUT_REFUSED: ${datagram.length} bytes do not fit into a datagram` });
    if (signal.aborted) return { refused, retry: restOf(chunk, row + 1, unwritten), retryReason: 'stopped' };
  }
  return { refused };
}

function restOf({ count }: Chunk, from: number, without: ReadonlySet<number>): number[] {
  return Array.from({ length: count - from }, (_, index) => from + index).filter((row) => !without.has(row));
}
