/**
 * Joins the lines or records of one stream: each goes to the parser that took the one before, else to the first that
 * takes it, else it is a record of its own and everything that waits is complete. Source: Fluent Bit 5.1 flb_ml.c.
 */
import { runLimited, timeLimitMsDefault } from '../codecs/time-limit.ts';
import type { Instant } from '../core/clock.ts';
import type { Parsed } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import type { DirectLine, Joiner, JoinerLine, JoinerRules, JoinerState, MultilineDefinition } from './contract.ts';
import { GrowingText, matchedText, valueOf } from './content.ts';
import type { Content } from './content.ts';
import { compileRules } from './rules.ts';
import type { Rule } from './rules.ts';
import { JoinedStream } from './stream.ts';
import type { Entry, StreamState } from './stream.ts';

/** As in Fluent Bit, which has as many groups in a stream; records of further ones go into the first. */
const groupsMax = 6;

/** `state`: what an earlier joiner of the same rules saved. @throws Error saying what is wrong with a pattern */
export function createJoiner<Place>(rules: JoinerRules<Place>, state?: JoinerState): Joiner<Place> {
  const joiner = new LineJoiner(rules);
  if (state) joiner.restore(state);
  return joiner;
}

interface SavedJoiner {
  readonly last?: number;
  /** By parser and group. */
  readonly rules?: readonly (readonly [parser: number, group: string, rule: number])[];
  readonly held?: readonly (readonly [parser: number, group: string, state: StreamState])[];
}

interface Member<Place> {
  readonly definition: MultilineDefinition;
  readonly rules: readonly Rule[];
  readonly groups: Map<string, JoinedStream<Place>>;
}

/** What was found out of a line before its turn. */
interface Prepared {
  readonly parsed?: Parsed;
  readonly start?: Rule | null;
}

/** What comes: a line, or a record. */
interface Incoming<Place> {
  readonly text: Buffer | string | undefined;
  readonly fields: Fields | undefined;
  readonly time: Instant | undefined;
  readonly place: Place;
  readonly nowMs: number;
  readonly prepared: Prepared | undefined;
}

class LineJoiner<Place> implements Joiner<Place> {
  readonly #members: readonly Member<Place>[];
  readonly #rules: JoinerRules<Place>;
  /** The parser that took the last line. */
  #last = 0;
  #number = 0;

  constructor(rules: JoinerRules<Place>) {
    this.#rules = rules;
    this.#members = rules.definitions.map((definition) => ({
      definition,
      rules: compileRules(definition),
      groups: new Map(),
    }));
  }
  get direct(): DirectLine | undefined {
    return this.#members[this.#last]?.definition.direct;
  }
  get isQuiet(): boolean {
    for (const { groups } of this.#members) for (const { held } of groups.values()) if (held.length > 0) return false;
    return true;
  }
  hasGroup(group: string): boolean {
    return this.#members[this.#last]?.groups.has(group) === true;
  }
  get dueMs(): number | undefined {
    let due: number | undefined;
    for (const { dueMs } of this.#streams()) if (dueMs !== undefined && (due === undefined || dueMs < due)) due = dueMs;
    return due;
  }
  addLines(lines: readonly JoinerLine<Place>[], time: Instant | undefined, nowMs: number): void {
    const prepared = this.#prepare(lines);
    const preparedFor = this.#last;
    for (const [index, { text, place }] of lines.entries()) {
      const known = this.#last === preparedFor ? prepared?.[index] : undefined;
      this.#add({ text, fields: undefined, time, place, nowMs, prepared: known });
    }
  }
  addRecord(fields: Fields, time: Instant | undefined, place: Place, nowMs: number): void {
    this.#add({ text: undefined, fields, time, place, nowMs, prepared: undefined });
  }
  flushDue(nowMs: number): void {
    this.#flush(this.#streams().filter(({ dueMs }) => dueMs !== undefined && dueMs <= nowMs));
  }
  flush(): void {
    this.#flush(this.#streams());
  }
  held(): Place[] {
    const all = this.#streams().flatMap(({ held }) => held);
    return all.sort((a, b) => a.number - b.number).map(({ place }) => place);
  }
  save(): JoinerState {
    const held = this.#each((stream, parser, group) => {
      const state = stream.save();
      return state && ([parser, group, state] as const);
    });
    return { ...this.#states(false), ...(held.length > 0 && { held }) };
  }
  saveWithoutHeld(): JoinerState {
    return this.#states(true);
  }
  restore({ last = 0, rules = [], held = [] }: SavedJoiner): void {
    this.#last = last < this.#members.length ? last : 0;
    for (const [parser, group, rule] of rules) {
      const member = this.#members[parser];
      if (member) this.#streamOf(member, group).setRule(rule);
    }
    for (const [parser, group, state] of held) {
      const member = this.#members[parser];
      if (!member) continue;
      this.#streamOf(member, group).restore(state);
      this.#number = Math.max(this.#number, ...state.numbers.map((number) => number + 1));
    }
  }

  #states(before: boolean): JoinerState {
    const rules = this.#each((stream, parser, group) => {
      const rule = stream.rule(before);
      return rule === undefined ? undefined : ([parser, group, rule] as const);
    });
    return { ...(this.#last > 0 && { last: this.#last }), ...(rules.length > 0 && { rules }) };
  }
  #each<T>(map: (stream: JoinedStream<Place>, parser: number, group: string) => T | undefined): T[] {
    return this.#members.flatMap(({ groups }, parser) =>
      [...groups].flatMap(([group, stream]) => {
        const found = map(stream, parser, group);
        return found === undefined ? [] : [found];
      }),
    );
  }
  #streams(): JoinedStream<Place>[] {
    return this.#members.flatMap(({ groups }) => [...groups.values()]);
  }
  /** In the order in which the records began. */
  #flush(streams: readonly JoinedStream<Place>[]): void {
    const holding = streams.filter(({ held }) => held.length > 0);
    if (holding.length > 1) holding.sort((a, b) => (a.held[0]?.number ?? 0) - (b.held[0]?.number ?? 0));
    for (const stream of holding) stream.flush();
  }

  /**
   * Parsers and patterns that may take long run under a time limit, which costs as much as matching some hundred lines: once
   * for all of these lines, as far as that can be known before.
   */
  #prepare(lines: readonly JoinerLine<Place>[]): (Prepared | undefined)[] | undefined {
    const member = this.#members[this.#last] as Member<Place>;
    const { definition, rules } = member;
    const { parser, type } = definition;
    const starts = type === 'regex' ? rules.filter(({ isStart }) => isStart) : [];
    const isParsed = parser?.timeLimitMs !== undefined;
    const isMatched = !parser && starts.some(({ isSlow }) => isSlow);
    if (!isParsed && !isMatched) return undefined;
    const found: (Prepared | undefined)[] = [];
    runLimited(
      lines.length,
      parser?.timeLimitMs ?? timeLimitMsDefault,
      (index) => {
        const { text } = lines[index] as JoinerLine<Place>;
        if (isParsed) found[index] = { parsed: parser.parse(text) };
        else {
          const subject = matchedText(valueOf(text));
          found[index] = { start: starts.find(({ matches }) => matches(subject)) ?? null };
        }
      },
      (index) => {
        found[index] = isParsed ? { parsed: { kind: 'timeout', problem: 'parsing took too long' } } : { start: null };
      },
    );
    return found;
  }

  #add(incoming: Incoming<Place>): void {
    const number = this.#number++;
    const last = this.#last;
    if (this.#offer(incoming, last, number, incoming.prepared)) return;
    for (let index = 0; index < this.#members.length; index++)
      if (index !== last && this.#offer(incoming, index, number, undefined)) {
        this.#last = index;
        return;
      }
    this.flush();
    this.#takeAlone(incoming);
  }
  #offer(incoming: Incoming<Place>, index: number, number: number, prepared: Prepared | undefined): boolean {
    const member = this.#members[index] as Member<Place>;
    const { text, place, nowMs } = incoming;
    const common = { place, number, nowMs, line: text, start: prepared?.start };
    const { parser, keyContent } = member.definition;
    let { fields, time } = incoming;
    if (parser) {
      const subject = text ?? textIn(fields, keyContent);
      if (subject === undefined) return false;
      const parsed = prepared?.parsed ?? parser.parse(subject);
      if ('problem' in parsed) return false;
      fields = parsed.fields;
      time = parsed.time ?? time;
    }
    if (!fields)
      return this.#streamOf(member, '').add({
        ...common,
        content: valueOf(text ?? ''),
        fields: undefined,
        compared: undefined,
        time,
      });
    return this.#addFields(member, fields, { ...common, time });
  }
  #addFields(
    member: Member<Place>,
    fields: Fields,
    common: Omit<Entry<Place>, 'content' | 'fields' | 'compared'>,
  ): boolean {
    const { keyContent, keyGroup, keyPattern } = member.definition;
    const content = contentIn(fields, keyContent);
    if (content === undefined) return false;
    const group = contentIn(fields, keyGroup);
    const stream = this.#streamOf(member, typeof group === 'string' ? group : '');
    return stream.add({ ...common, content, fields, compared: contentIn(fields, keyPattern) });
  }
  #streamOf({ definition, rules, groups }: Member<Place>, group: string): JoinedStream<Place> {
    const known = groups.get(group);
    if (known) return known;
    const [first] = groups.values();
    if (first && groups.size >= groupsMax) return first;
    const { joinedBytesMax, take } = this.#rules;
    const stream = new JoinedStream(definition, rules, joinedBytesMax, take);
    groups.set(group, stream);
    return stream;
  }
  /** What no parser wants. */
  #takeAlone({ text, fields, time, place }: Incoming<Place>): void {
    const { take } = this.#rules;
    if (fields) {
      take({ fields, time, places: [place], isCut: false, isAlone: true });
      return;
    }
    const key = this.#members[0]?.definition.keyContent;
    const whole = new GrowingText();
    whole.add(valueOf(text ?? ''));
    if (whole.isEmpty) return;
    if (key === undefined) whole.endLine();
    take({ fields: { [key ?? 'log']: whole.take() }, time, places: [place], isCut: false, isAlone: true });
  }
}

function contentIn(fields: Fields, key: string | undefined): Content | undefined {
  const value: Value | undefined = key === undefined ? undefined : getField(fields, key);
  return typeof value === 'string' || value instanceof Uint8Array ? value : undefined;
}

function textIn(fields: Fields | undefined, key: string | undefined): Buffer | string | undefined {
  const content = fields && contentIn(fields, key);
  return content instanceof Uint8Array ? Buffer.from(content) : content;
}
