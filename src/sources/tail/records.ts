/** Lines of a file on their way into the journal: parsed, or refused with their bytes. */
import { isUtf8 } from 'node:buffer';
import { RecordGatherer } from '../../codecs/encode.ts';
import { withFields } from '../../codecs/fields.ts';
import { parseTexts, refusalReason } from '../../codecs/parse-texts.ts';
import { codecs } from '../../core/batch.ts';
import type { Codec, EncodedRecords } from '../../core/batch.ts';
import { SpareWriters } from '../../core/bytes.ts';
import type { Instant } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { parseRecord, stringifyJson } from '../../core/json.ts';
import { encodeMsgpack } from '../../core/msgpack.ts';
import { RecordPacker } from '../../core/packed-records.ts';
import type { DirectParser, ParsedRecord, Parser } from '../../core/plugin.ts';
import { fieldEntries, getField } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import type { DirectLine, JoinedRecord, MultilineDefinition } from '../../multiline/contract.ts';
import type { AddedKeys } from './added-keys.ts';
import type { SayUnparsed } from './unparsed.ts';

/** The field of a record whose line did not parse. */
const unmatchedKey = 'unmatched_line';
/** Of one that is a part of a line: which; and of the start of one that was cut: the bytes of all of it. */
export const partKey = 'line_part';
export const cutKey = 'line_bytes';
/** Of a record of several lines that was cut at its limit. Fluent Bit has it in the record's metadata. */
const truncatedKey = 'multiline_truncated';

export interface LineRules {
  readonly parser: Parser;
  /** Bytes of the file to bytes in UTF-8, where they are not. */
  readonly decode: ((line: Buffer) => Buffer) | undefined;
  readonly pathKey: string | undefined;
  readonly emitsUnmatched: boolean;
  /** Of a record that a line which does not parse becomes; goes before emitsUnmatched. */
  readonly unparsedKey: string | undefined;
  readonly sayUnparsed: SayUnparsed | undefined;
  readonly offsetKey: string | undefined;
  /** pathKey and offsetKey go before fields of the record. */
  readonly replacesKeys: boolean;
  readonly skipsEmpty: boolean;
  /** Puts path and offset behind records that are not taken apart; undefined: there are none, or they need to be. */
  readonly added?: AddedKeys | undefined;
  /** Multiline parsers, and what becomes of lines that they join. */
  readonly joining?: JoiningRules | undefined;
}

export interface JoiningRules {
  readonly definitions: readonly MultilineDefinition[];
  readonly joinedBytesMax: number;
  /** What was joined goes through the parser, as JSON. */
  readonly isParsed: boolean;
  /** LineRules.added by short way, where path or offset is asked for. */
  readonly added?: ReadonlyMap<DirectParser | undefined, AddedKeys | undefined> | undefined;
}

/** The line piece[from, until) without its end, which stands in its file from `start` on; `end`: where the next one begins. */
export interface PieceLine {
  readonly piece: Buffer;
  readonly from: number;
  readonly until: number;
  readonly start: number;
  readonly end: number;
}

/** Where in a file a line stands: its first byte, and the one behind its end. */
export type Span = readonly [start: number, end: number];

/** A line that makes no record. */
interface RefusedLine {
  readonly reason: string;
  readonly raw: Uint8Array;
  readonly problem: string;
}

/** Records that go into one append: a run of one codec, and where in the file they end. */
export interface Run {
  readonly records: EncodedRecords;
  readonly ends: readonly number[];
  /** The lines that each record has in it; only where they are joined. */
  readonly spans: readonly (readonly Span[])[];
}

interface Mark {
  readonly key: string;
  readonly value: number;
}

interface Text {
  readonly raw: Buffer;
  readonly text: Buffer;
  /** Where it begins. */
  readonly start: number;
  /** Where in the file the next one begins. */
  readonly end: number;
  /** Says that it is not a whole line. */
  readonly mark: Mark | undefined;
  /** Of which lines it was joined. */
  readonly spans?: readonly Span[];
  /** Records that were packed before it. */
  readonly packed?: number;
}

/** What a piece of a file gave. */
export class LineBatch {
  readonly #rules: LineRules;
  readonly #path: string;
  /** As it stands in records. */
  #pathBytes: Buffer | undefined;
  readonly now: Instant;
  #texts: Text[] = [];
  readonly #gathered = new RecordGatherer();
  readonly #ends: number[] = [];
  /** Where usual lines become records at once; of those that are there where each ends, and how many were gathered since. */
  #packer: RecordPacker | undefined;
  readonly #packedEnds: number[] = [];
  readonly #packedSpans: (readonly Span[])[] = [];
  #packedGathered = 0;
  readonly #spans: (readonly Span[])[] = [];
  readonly refused: RefusedLine[] = [];
  /** Lines that were added. */
  lines = 0;
  /** Records that were cut. */
  cut = 0;

  constructor(rules: LineRules, path: string, now: Instant) {
    this.#rules = rules;
    this.#path = path;
    this.now = now;
  }
  /** As add(). */
  addLine(line: PieceLine): void {
    const { piece, from, until, start, end } = line;
    const direct = directOf(this.#rules);
    const isDirect = direct !== undefined && !(from === until && this.#rules.skipsEmpty);
    if (!isDirect || !this.#write(direct, this.#rules.added, line)) this.add(piece.subarray(from, until), start, end);
  }
  /** Adds a line that is a record of its own, and whose group `isKnown` knows. False: nothing was added. */
  addAlone(direct: DirectLine, line: PieceLine, isKnown: (group: string) => boolean): boolean {
    const { decode, pathKey, offsetKey, joining } = this.#rules;
    const added = joining?.added?.get(direct);
    const needsFields = (pathKey !== undefined || offsetKey !== undefined) && !added;
    if (decode || needsFields || joining?.isParsed !== false) return false;
    return this.#write(direct, added, line, () => isKnown(direct.group));
  }
  #write(
    direct: DirectParser,
    added: AddedKeys | undefined,
    line: PieceLine,
    isWanted: () => boolean = () => true,
  ): boolean {
    const { piece, from, until, start, end } = line;
    const packer = (this.#packer ??= new RecordPacker(writers.take()));
    const { out } = packer;
    const begin = out.length;
    this.#pathBytes ??= added?.pathBytes(this.#path);
    const isWritten = direct.write(piece, from, until, out) && isWanted();
    if (!isWritten || added?.write(line, this.#pathBytes, begin, out) === false) {
      packer.drop();
      return false;
    }
    this.lines++;
    const { time } = direct;
    if (time.isKnown) packer.end(time.seconds, time.nanos);
    else packer.end(this.now.seconds, this.now.nanos);
    this.#packedEnds.push(end);
    if (this.#rules.joining) this.#packedSpans.push([[start, end]]);
    return true;
  }
  /** Nobody needs anything of it any more. */
  release(): void {
    if (this.#packer) writers.give(this.#packer.out);
    this.#packer = undefined;
  }
  /** A line without its end, from `start` on; `end`: where the next one begins. The bytes must stay until parse(). */
  add(raw: Buffer, start: number, end: number, mark?: Mark): void {
    const text = this.text(raw);
    if (text) this.#texts.push({ raw, text, start, end, mark, ...this.#behindPacked });
  }
  /** Of a record that comes behind those that are packed by now. */
  get #behindPacked(): Pick<Text, 'packed'> {
    return this.#packer ? { packed: this.#packer.count } : {};
  }
  /** A line as text, which is counted; undefined for one that is passed over. */
  text(raw: Buffer): Buffer | undefined {
    const { decode, skipsEmpty } = this.#rules;
    this.lines++;
    if (skipsEmpty && raw.length === 0) return undefined;
    return decode ? decode(raw) : raw;
  }
  /** What multiline parsers made of lines. */
  addJoined({ fields, time, places, isCut, isAlone }: JoinedRecord<Span>): void {
    const [start, end] = [places[0]?.[0] ?? 0, places.at(-1)?.[1] ?? 0];
    if (isCut) this.cut++;
    const whole = isCut ? withFields(fields, [[truncatedKey, true]]) : fields;
    if (this.#rules.joining?.isParsed === true) {
      const [line] = isAlone ? fieldEntries(fields) : [];
      const raw = Buffer.from(line ? (line[1] as string | Uint8Array) : stringifyJson(whole));
      this.#texts.push({ raw, text: raw, start, end, mark: undefined, spans: places, ...this.#behindPacked });
      return;
    }
    const line = { raw: noBytes, text: noBytes, start, end, mark: undefined, spans: places, ...this.#behindPacked };
    this.#addOrRefuse({ fields: whole, time }, line);
  }
  /** A line before any that begins a record of several lines. */
  addStray(raw: Buffer, start: number, end: number): void {
    if (this.#rules.unparsedKey !== undefined || this.#rules.emitsUnmatched) this.add(raw, start, end);
    else this.refuse('no_first_line', raw, 'it stands before any line that begins a record');
  }
  refuse(reason: string, line: Uint8Array, problem: string): void {
    this.refused.push({ reason, raw: new Uint8Array(line), problem });
  }
  /** Parses what was added since. */
  parse(): void {
    const added = this.#texts;
    if (added.length === 0) return;
    this.#texts = [];
    const texts = added.map(({ text }) => text);
    parseTexts(this.#rules.parser, texts, (parsed, index) => {
      const line = added[index] as Text;
      if (!('problem' in parsed)) this.#addOrRefuse(parsed, line);
      else {
        const key = this.#rules.unparsedKey ?? (this.#rules.emitsUnmatched ? unmatchedKey : undefined);
        if (key === undefined) this.refuse(refusalReason(parsed), line.raw, parsed.problem);
        else {
          this.#rules.sayUnparsed?.(this.#path, line.text);
          this.#add({ [key]: isUtf8(line.text) ? line.text.toString() : new Uint8Array(line.text) }, this.now, line);
        }
      }
    });
  }
  /** The records so far, in order, in few runs. */
  runs(): Run[] {
    const packer = this.#packer;
    if (packer && packer.count > 0) {
      if (this.#gathered.count === 0)
        return [{ records: packer.take(), ends: this.#packedEnds, spans: this.#packedSpans }];
      this.#gatherPacked(packer.count);
    }
    let from = 0;
    return inFewRuns(this.#gathered.take()).map((records) => {
      const to = from + records.payloads.length;
      const run = { records, ends: this.#ends.slice(from, to), spans: this.#spans.slice(from, to) };
      from = to;
      return run;
    });
  }
  /** What cannot be encoded (nested too deep) must not stop the file. */
  #addOrRefuse({ fields, time }: ParsedRecord, line: Text): void {
    try {
      this.#add(fields, time ?? this.now, line);
    } catch (error) {
      this.refuse('parse_failed', line.raw, errorText(error));
    }
  }
  /** Records that are packed go to the others, which come behind or between them. */
  #gatherPacked(until: number): void {
    const from = this.#packedGathered;
    if (until <= from || !this.#packer) return;
    this.#gathered.addPacked(this.#packer.view(from, until));
    for (let i = from; i < until; i++) {
      this.#ends.push(this.#packedEnds[i] as number);
      const spans = this.#packedSpans[i];
      if (spans) this.#spans.push(spans);
    }
    this.#packedGathered = until;
  }
  #add(fields: Fields, time: Instant, { start, end, mark, spans, packed = 0 }: Text): void {
    const { pathKey, offsetKey, replacesKeys, joining } = this.#rules;
    let whole = fields;
    if (pathKey !== undefined && (replacesKeys || isUnset(fields, pathKey)))
      whole = withFields(whole, [[pathKey, this.#path]]);
    if (offsetKey !== undefined) whole = withFields(whole, [[offsetKey, start]]);
    if (mark) whole = withFields(whole, [[mark.key, mark.value]]);
    this.#gatherPacked(packed);
    this.#gathered.add(whole, time);
    this.#ends.push(end);
    if (joining) this.#spans.push(spans ?? [[start, end]]);
  }
}

const noBytes = Buffer.alloc(0);

/** Of pieces that are read; as many as large ones are read at a time, nearly. */
const writers = new SpareWriters(8);

/** Where a line becomes what its parser makes of it, and nothing else. */
function directOf({ parser, decode, pathKey, offsetKey, added, joining }: LineRules): DirectParser | undefined {
  const areFields = (pathKey === undefined && offsetKey === undefined) || added !== undefined;
  return !decode && areFields && !joining ? parser.direct : undefined;
}

/** Ruby's ||= takes null and false for absent too. */
function isUnset(fields: Fields, key: string): boolean {
  const value = getField(fields, key);
  return value === undefined || value === null || value === false;
}

/**
 * Where codecs change, records that MessagePack holds as well as JSON go into it, so that a piece with some bytes that are no
 * UTF-8 is one append, and not a sync and a chunk of an output for each change.
 */
function inFewRuns(runs: readonly EncodedRecords[]): readonly EncodedRecords[] {
  if (runs.length === 1) return runs;
  const merged: { codec: Codec; payloads: Uint8Array[]; exact: boolean[]; seconds: number[]; nanos: number[] }[] = [];
  for (const { codec, payloads, exact, seconds, nanos } of runs)
    for (const [index, payload] of payloads.entries()) {
      const isPlain = codec === codecs.json && exact[index] === false;
      const own = isPlain ? codecs.msgpack : codec;
      let run = merged.at(-1);
      if (run?.codec !== own) merged.push((run = { codec: own, payloads: [], exact: [], seconds: [], nanos: [] }));
      const bytes = Buffer.from(payload as Uint8Array);
      run.payloads.push(isPlain ? encodeMsgpack(parseRecord(bytes.toString(), false)) : bytes);
      run.exact.push(isPlain || exact[index] === true);
      run.seconds.push(seconds[index] as number);
      run.nanos.push(nanos[index] as number);
    }
  return merged;
}
