/**
 * How should a record travel? Each shape takes 64 request bodies, makes what a journal frame would hold, and later writes
 * JSON lines from it. The two halves are timed apart: they run in different processes when workers are used.
 *
 * - `objects`: parsed on receipt, printed into the frame record by record, parsed again, printed again.
 * - `array`: the same with one JSON array a frame, which is the fastest that plain objects can be.
 * - `bytes`: what src/core/batch.ts does: JSON.parse only proves that the body is JSON, the frame holds the body's bytes,
 *   and they are decoded when a filter looks.
 * - `lines`: as `bytes`, with line ends kept in the frame, so that an untouched frame leaves in one copy.
 */
import { createHash } from 'node:crypto';
import { Batch, Block, codecs } from '../../src/core/batch.ts';
import { ByteWriter } from '../../src/core/bytes.ts';
import { scanJson, stringifyJson } from '../../src/core/json.ts';
import { getField } from '../../src/core/record.ts';
import type { PlainFields } from '../../src/core/record.ts';
import { median, medianRatio } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';

/** Records in a frame: what one group commit gathers from 64 connections. */
const frameRecords = 64;

/** `pass`: nothing looks. `look`: one filter reads one field and keeps half. `change`: one filter adds a field. */
const filters = ['pass', 'look', 'change'] as const;
type FilterName = (typeof filters)[number];

interface Shape<F> {
  receive(bodies: readonly Buffer[]): F;
  deliver(frame: F, filter: FilterName, out: ByteWriter): void;
}

interface ByteFrame {
  readonly payload: Buffer;
  readonly bounds: Uint32Array;
  readonly exact: Uint8Array;
}

function keepObject(fields: PlainFields): boolean {
  return fields['kind'] === 'purchase';
}

function printObjects(objects: readonly PlainFields[], filter: FilterName, out: ByteWriter): void {
  for (const fields of objects) {
    if (filter === 'look' && !keepObject(fields)) continue;
    out.text(JSON.stringify(filter === 'change' ? { ...fields, _seen: true } : fields));
    out.byte(10);
  }
}

const objects: Shape<ByteFrame> = {
  receive(bodies) {
    const out = new ByteWriter();
    const bounds = new Uint32Array(bodies.length + 1);
    for (const [i, body] of bodies.entries()) {
      out.text(JSON.stringify(JSON.parse(body.toString())));
      bounds[i + 1] = out.length;
    }
    return { payload: out.take(), bounds, exact: new Uint8Array() };
  },
  deliver({ payload, bounds }, filter, out) {
    const decoded: PlainFields[] = [];
    for (let i = 0; i + 1 < bounds.length; i++)
      decoded.push(JSON.parse(payload.toString('utf8', bounds[i], bounds[i + 1])) as PlainFields);
    printObjects(decoded, filter, out);
  },
};

const array: Shape<Buffer> = {
  receive: (bodies) => Buffer.from(JSON.stringify(bodies.map((body) => JSON.parse(body.toString()) as PlainFields))),
  deliver(frame, filter, out) {
    printObjects(JSON.parse(frame.toString()) as PlainFields[], filter, out);
  },
};

function frameOf(bodies: readonly Buffer[], lineEndBytes: number): ByteFrame {
  const bounds = new Uint32Array(bodies.length + 1);
  const exact = new Uint8Array(bodies.length);
  let bytes = 0;
  for (const [i, body] of bodies.entries()) {
    JSON.parse(body.toString());
    exact[i] = scanJson(body).exact ? 1 : 0;
    bounds[i + 1] = bytes += body.length + lineEndBytes;
  }
  const payload = Buffer.allocUnsafe(bytes);
  for (const [i, body] of bodies.entries()) {
    payload.set(body, bounds[i]);
    if (lineEndBytes > 0) payload[(bounds[i + 1] as number) - 1] = 10;
  }
  return { payload, bounds, exact };
}

function batchOf({ payload, bounds, exact }: ByteFrame): Batch {
  const count = bounds.length - 1;
  const block = new Block({
    shard: '0',
    firstOffset: 0,
    appendMs: 0,
    source: 'bench',
    codec: codecs.json,
    payload,
    bounds,
    exact,
    seconds: new Float64Array(count),
    nanos: new Uint32Array(count),
  });
  return Batch.of('bench', block);
}

function deliverBatch(batch: Batch, filter: FilterName, out: ByteWriter, lineEnd: boolean): void {
  let passed = batch;
  if (filter === 'look') {
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row++) if (getField(batch.fields(row), 'kind') === 'purchase') rows.push(row);
    passed = batch.select(rows);
  } else if (filter === 'change')
    passed = batch.map((fields) =>
      fields instanceof Map ? new Map(fields).set('_seen', true) : { ...fields, _seen: true },
    );
  for (let row = 0; row < passed.count; row++) {
    const raw = passed.rawJson(row);
    if (raw) out.bytes(raw);
    else out.text(stringifyJson(passed.fields(row)));
    if (lineEnd || !raw) out.byte(10);
  }
}

const bytes: Shape<ByteFrame> = {
  receive: (bodies) => frameOf(bodies, 0),
  deliver: (frame, filter, out) => deliverBatch(batchOf(frame), filter, out, true),
};

const lines: Shape<ByteFrame> = {
  receive: (bodies) => frameOf(bodies, 1),
  deliver(frame, filter, out) {
    if (filter === 'pass') out.bytes(frame.payload);
    else deliverBatch(batchOf(frame), filter, out, false);
  },
};

/** A body of exactly `bytes` bytes with the kinds of values that postbacks have. `exact`: with a value that plain objects would change. */
export function makeBody(n: number, bodyBytes: number, exact = false): Buffer {
  const fields = {
    id: `tx-${String(n).padStart(8, '0')}`,
    kind: n % 2 === 0 ? 'purchase' : 'install',
    amount: 10 + (n % 90) + 0.25,
    currency: 'KRW',
    user: { id: 1_000_000 + n, name: '홍길동', isNew: n % 3 === 0 },
    note: '',
  };
  const text = (note: string): string => {
    const printed = JSON.stringify({ ...fields, note });
    return exact ? printed.replace('.25', '.0') : printed;
  };
  const short = bodyBytes - Buffer.byteLength(text(''));
  const filler = 'quick "brown" fox, lazy dog; ';
  let note = '';
  // Each escaped quote takes two bytes in JSON, so the note is grown until it fits to the byte.
  for (let at = 0, size = 0; size < short; at++) {
    const char = filler[at % filler.length] as string;
    const charBytes = char === '"' ? 2 : 1;
    note += size + charBytes > short ? '.' : char;
    size += size + charBytes > short ? 1 : charBytes;
  }
  return Buffer.from(text(note));
}

interface Contestant {
  readonly name: string;
  readonly receive: () => void;
  readonly deliver: (filter: FilterName, out: ByteWriter) => void;
}

function contestant<F>(name: string, shape: Shape<F>, bodies: readonly Buffer[]): Contestant {
  const frame = shape.receive(bodies);
  return {
    name,
    receive: () => void shape.receive(bodies),
    deliver: (filter, out) => shape.deliver(frame, filter, out),
  };
}

/** CPU time of the whole process (collector threads included) for `times` calls, in ns per record. */
function cpuNs(times: number, call: () => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) call();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (times * frameRecords);
}

const stages = ['receive', ...filters] as const;

function measure(contestants: readonly Contestant[], rounds: number, times: number): Map<string, number[]> {
  const out = new ByteWriter();
  const samples = new Map<string, number[]>();
  // Round 0 warms the compiler up and is thrown away.
  for (let round = 0; round <= rounds; round++)
    for (const stage of stages)
      for (const { name, receive, deliver } of contestants) {
        const ns = cpuNs(times, () => {
          if (stage === 'receive') return receive();
          deliver(stage, out);
          out.reset();
        });
        const key = `${name} ${stage}`;
        if (round > 0) samples.set(key, [...(samples.get(key) ?? []), ns]);
      }
  return samples;
}

function hashOf(contestants: readonly Contestant[]): string {
  const hashes = contestants.map(({ deliver }) => {
    const hash = createHash('sha256');
    const out = new ByteWriter();
    for (const filter of filters) {
      deliver(filter, out);
      hash.update(out.view());
      out.reset();
    }
    return hash.digest('hex');
  });
  const first = hashes[0] as string;
  const other = hashes.findIndex((hash) => hash !== first);
  if (other > 0) throw new Error(`shape ${contestants[other]?.name} wrote something else than ${contestants[0]?.name}`);
  return first;
}

const kinds = [
  { title: '200-byte records', bodyBytes: 200, exact: false },
  { title: '2-kB records', bodyBytes: 2000, exact: false },
  { title: '200-byte records with an integral float (exact)', bodyBytes: 200, exact: true },
];

function runRecordShape(options: RunOptions): Outcome {
  const rounds = options.rounds ?? (options.isTiny ? 1 : 9);
  const hash = createHash('sha256');
  const tables = kinds.map(({ title, bodyBytes, exact }) => {
    const bodies = Array.from({ length: frameRecords }, (_, n) => makeBody(n, bodyBytes, exact));
    const contestants = [
      // Plain objects lose what makes a record exact, so they do not compete there.
      ...(exact ? [] : [contestant('objects', objects, bodies), contestant('array', array, bodies)]),
      contestant('bytes', bytes, bodies),
      contestant('lines', lines, bodies),
    ];
    hash.update(hashOf(contestants));
    options.say(`${title}: ${rounds} rounds`);
    const samples = measure(contestants, rounds, options.isTiny ? 20 : Math.round(100_000 / bodyBytes));
    const of = (name: string, stage: string): number[] => samples.get(`${name} ${stage}`) ?? [];
    const baseline = contestants[0]?.name as string;
    return {
      title: `${title}: CPU ns per record, and how many times faster than \`${baseline}\``,
      columns: ['shape', ...stages.flatMap((stage) => [stage, '×'])],
      rows: contestants.map(({ name }) => [
        name,
        ...stages.flatMap((stage) => [
          Math.round(median(of(name, stage))),
          medianRatio(of(baseline, stage), of(name, stage)).toFixed(2),
        ]),
      ]),
    };
  });
  return { tables, targets: [], resultHash: hash.digest('hex').slice(0, 16), versions: {}, notes: [] };
}

export const recordShape: Scenario = {
  name: 'record-shape',
  summary: 'parse → journal frame → JSON out, plain objects against bytes that are decoded when somebody looks',
  run: (options) => Promise.resolve(runRecordShape(options)),
};
