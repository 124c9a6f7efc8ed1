/**
 * What one parser joins of one group (stdout, stderr). Source: Fluent Bit 5.1 flb_ml.c package_content, flb_ml_rule_process.
 */
import type { Instant } from '../core/clock.ts';
import { decodeMsgpack, encodeMsgpack } from '../core/msgpack.ts';
import { getField } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import { withFields } from '../codecs/fields.ts';
import type { JoinedRecord, MultilineDefinition } from './contract.ts';
import { GrowingText, matchedText } from './content.ts';
import type { Content } from './content.ts';
import type { Rule } from './rules.ts';

/** The field of lines that no parser made fields of. */
const lineKey = 'log';

/** A line or record on its way in. */
export interface Entry<Place> {
  readonly content: Content;
  /** The record that content is out of. Undefined: a line. */
  readonly fields: Fields | undefined;
  /** As it came, where it came as a line. */
  readonly line: Buffer | string | undefined;
  /** What matchString is compared with, where it is not content. */
  readonly compared: Content | undefined;
  readonly time: Instant | undefined;
  readonly place: Place;
  /** Counts what came, in order. */
  readonly number: number;
  readonly nowMs: number;
  /** The rule that such a line would begin a record by, where that was found out already; null: none. */
  readonly start: Rule | null | undefined;
}

/** What is held, as JSON. */
export interface StreamState {
  /** Texts and fields in MessagePack, as base64. */
  readonly text: string;
  readonly fields?: string;
  readonly time?: readonly [seconds: number, nanos: number];
  readonly places: readonly unknown[];
  readonly numbers: readonly number[];
  /** When the last line came. */
  readonly lastMs: number;
  /** The rule that took the line before. */
  readonly before?: number;
}

export interface HeldPlace<Place> {
  readonly number: number;
  readonly place: Place;
}

export class JoinedStream<Place> {
  readonly definition: MultilineDefinition;
  readonly #rules: readonly Rule[];
  readonly #bytesMax: number;
  readonly #take: (record: JoinedRecord<Place>) => void;
  readonly #text = new GrowingText();
  /** The rule that took the last line; stays when a record is complete. */
  #rule: Rule | undefined;
  /** The same before the first line that is held. */
  #ruleBefore: Rule | undefined;
  #fields: Fields | undefined;
  #time: Instant | undefined;
  #held: HeldPlace<Place>[] = [];
  /** With firstLine: what is held is complete, unless further lines join; and whether there was a first line ever. */
  #isComplete = false;
  #sawFirst = false;
  #lastMs = 0;

  constructor(
    definition: MultilineDefinition,
    rules: readonly Rule[],
    bytesMax: number,
    take: (record: JoinedRecord<Place>) => void,
  ) {
    this.definition = definition;
    this.#rules = rules;
    this.#bytesMax = bytesMax;
    this.#take = take;
  }
  get held(): readonly HeldPlace<Place>[] {
    return this.#held;
  }
  get dueMs(): number | undefined {
    return this.#held.length === 0 ? undefined : this.#lastMs + this.definition.flushTimeoutMs;
  }
  /** Takes a line if it is one of its own; false when it is not. */
  add(entry: Entry<Place>): boolean {
    return this.definition.type === 'regex' ? this.#addByRules(entry) : this.#addUntilMatch(entry);
  }
  /** Takes what is held as complete. */
  flush(isCut = false): void {
    if (this.#held.length === 0) return;
    const places = this.#held.map(({ place }) => place);
    this.#held = [];
    const fields = this.#complete();
    const time = this.#time;
    this.#fields = this.#time = undefined;
    // Nothing but empty lines makes no record.
    if (fields) this.#take({ fields, time, places, isCut, isAlone: false });
  }
  /** The rule that took the last line. `before`: as it was before what is held. */
  rule(before: boolean): number | undefined {
    return (before && this.#held.length > 0 ? this.#ruleBefore : this.#rule)?.index;
  }
  setRule(index: number): void {
    this.#rule = this.#rules[index];
  }
  /** What is held, as JSON; undefined when nothing is. */
  save(): StreamState | undefined {
    if (this.#held.length === 0) return undefined;
    return {
      text: encodeMsgpack([...this.#text.parts()]).toString('base64'),
      ...(this.#fields && { fields: encodeMsgpack(this.#fields).toString('base64') }),
      ...(this.#time && { time: [this.#time.seconds, this.#time.nanos] }),
      places: this.#held.map(({ place }) => place),
      numbers: this.#held.map(({ number }) => number),
      lastMs: this.#lastMs,
      ...(this.#ruleBefore && { before: this.#ruleBefore.index }),
    };
  }
  restore({ text, fields, time, places, numbers, lastMs, before }: StreamState): void {
    for (const part of decodeMsgpack(Buffer.from(text, 'base64')) as Content[]) this.#text.add(part);
    if (fields !== undefined) this.#fields = decodeMsgpack(Buffer.from(fields, 'base64')) as Fields;
    if (time) this.#time = { seconds: time[0], nanos: time[1] };
    this.#held = places.map((place, index) => ({ number: numbers[index] ?? 0, place: place as Place }));
    this.#lastMs = lastMs;
    if (before !== undefined) this.#ruleBefore = this.#rules[before];
  }

  #addByRules(entry: Entry<Place>): boolean {
    const text = matchedText(entry.content);
    const next = this.#rule?.next.find((rule) => rule.matches(text));
    if (next) {
      this.#append(entry, () => {
        this.#text.endLine();
        this.#text.add(entry.content.length === 0 ? '\n' : entry.content);
      });
      this.#follow(next);
      return true;
    }
    const start =
      entry.start === undefined ? this.#rules.find((rule) => rule.isStart && rule.matches(text)) : entry.start;
    if (!start) return false;
    this.flush();
    this.#append(entry, () => this.#text.add(entry.content));
    this.#follow(start);
    return true;
  }
  #follow(rule: Rule): void {
    this.#rule = rule;
    if (rule.endsRecord) this.flush();
  }
  #addUntilMatch(entry: Entry<Place>): boolean {
    const { type, matchString, isNegated, keyContent, firstLine } = this.definition;
    if (firstLine) this.#beforeLine(!('problem' in firstLine.parse(entry.line ?? '')));
    const compared = matchedText(entry.compared ?? entry.content);
    const matches = type === 'equal' ? compared === matchString : compared.endsWith(matchString);
    this.#append(entry, () => {
      if (keyContent === undefined) this.#text.endLine();
      this.#text.add(entry.content);
    });
    this.#isComplete = matches !== isNegated;
    if (this.#isComplete && !firstLine) this.flush();
    return true;
  }
  /** Of parsers with firstLine: completes what was complete but for further lines. */
  #beforeLine(isFirst: boolean): void {
    this.#sawFirst ||= isFirst;
    if (this.#isComplete && (isFirst || !this.#sawFirst)) this.flush();
  }
  #append(entry: Entry<Place>, add: () => void): void {
    if (!this.#text.isEmpty && this.#text.bytes + entry.content.length > this.#bytesMax) this.flush(true);
    if (this.#held.length === 0) {
      this.#ruleBefore = this.#rule;
      this.#fields = entry.fields;
      this.#time = entry.time;
    } else if (this.definition.keepsLast === true) {
      this.#fields = entry.fields;
      this.#time = entry.time;
    }
    add();
    this.#held.push({ number: entry.number, place: entry.place });
    this.#lastMs = entry.nowMs;
  }
  /** The record of what is held; undefined for nothing but empty lines. */
  #complete(): Fields | undefined {
    const { keyContent } = this.definition;
    const isEmpty = this.#text.isEmpty;
    if (keyContent === undefined) this.#text.endLine();
    const fields = this.#fields;
    if (isEmpty) return fields;
    const content = this.#text.take();
    if (!fields) return { [keyContent ?? lineKey]: content };
    return keyContent === undefined || getField(fields, keyContent) === content
      ? fields
      : withFields(fields, [[keyContent, content]]);
  }
}
