/**
 * Lines of a file that multiline parsers join. What waits for further lines is not in the journal: after a crash reading
 * begins at the first such line again, and passes over those behind it that are in records already.
 */
import { createJoiner } from '../../multiline/joiner.ts';
import type { Joiner, JoinerLine, JoinerState } from '../../multiline/contract.ts';
import type { JoinedPlace } from './position.ts';
import type { JoiningRules, LineBatch, PieceLine, Span } from './records.ts';

/** After so many lines of another form those of the piece are joined together, which costs less than one by one. */
const missesMax = 3;
/** Lines that wait, with others between them that are in records: more of such gaps would make positions large. */
const gapsMax = 500;

export class JoinedLines {
  readonly #rules: JoiningRules;
  #joiner: Joiner<Span>;
  /** Lines of the piece that is read just now. */
  #lines: JoinerLine<Span>[] = [];
  /** What is in the journal behind where it is read. */
  #skipped: readonly Span[];
  #batch: LineBatch | undefined;
  /** Lines of the piece, one behind the other, that could have been records of their own and were not. */
  #misses = 0;

  constructor(rules: JoiningRules, place: JoinedPlace | undefined) {
    this.#rules = rules;
    this.#joiner = this.#create(place?.rules);
    this.#skipped = place?.taken ?? [];
  }
  /** When flushDue has something to do, in monotonic time. */
  get dueMs(): number | undefined {
    return this.#joiner.dueMs;
  }
  /** Takes a line; its bytes must stay until end(). `nowMs`: as of end(). */
  add(line: PieceLine, batch: LineBatch, nowMs: number): void {
    const { piece, from, until, start, end } = line;
    if (this.#isTaken(start) || this.#isAlone(line, batch, nowMs)) return;
    const text = batch.text(piece.subarray(from, until));
    if (text) this.#lines.push({ text, place: [start, end] });
  }
  /** Whether the line is a record of its own, which the batch has now. */
  #isAlone(line: PieceLine, batch: LineBatch, nowMs: number): boolean {
    if (this.#misses >= missesMax || line.from === line.until || !this.#joiner.direct) return false;
    this.#join(batch, nowMs);
    const { direct, isQuiet } = this.#joiner;
    if (!direct || !isQuiet) return false;
    const isTaken = batch.addAlone(direct, line, (group) => this.#joiner.hasGroup(group));
    this.#misses = isTaken ? 0 : this.#misses + 1;
    return isTaken;
  }
  /** Joins the lines that were added, and takes all that waits as complete. */
  complete(batch: LineBatch, nowMs: number): void {
    this.end(batch, nowMs);
    this.flush(batch);
  }
  /** Joins the lines that were added; gives complete records to the batch. */
  end(batch: LineBatch, nowMs: number): void {
    this.#misses = 0;
    this.#join(batch, nowMs);
    // A record that thousands of others interrupt.
    if (this.#gaps().length > gapsMax) this.flush(batch);
  }
  #join(batch: LineBatch, nowMs: number): void {
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#into(batch, () => this.#joiner.addLines(lines, batch.now, nowMs));
  }
  flushDue(batch: LineBatch, nowMs: number): void {
    this.#into(batch, () => this.#joiner.flushDue(nowMs));
  }
  /** Takes all that waits as complete. */
  flush(batch: LineBatch): void {
    this.#into(batch, () => this.#joiner.flush());
  }
  /** Reading goes back to where the journal says. */
  goBack(place: JoinedPlace | undefined): void {
    this.#lines = [];
    this.#joiner = this.#create(place?.rules);
    this.#skipped = place?.taken ?? [];
  }
  /**
   * Where reading goes on after a crash when everything was appended but what waits here and `unwritten`; `readTo`: how far
   * it was read.
   */
  behind(
    unwritten: readonly Span[],
    readTo: number,
  ): { readonly at: number; readonly joined: JoinedPlace | undefined } {
    const open = [...unwritten, ...this.#joiner.held()].sort(([a], [b]) => a - b);
    const at = open[0]?.[0] ?? readTo;
    const taken = [...gapsBetween(open, readTo), ...this.#skipped.filter(([from]) => from >= readTo)];
    const rules = this.#joiner.saveWithoutHeld();
    const isPlain = taken.length === 0 && Object.keys(rules).length === 0;
    return { at, joined: isPlain ? undefined : { taken, rules } };
  }

  #create(state: JoinerState | undefined): Joiner<Span> {
    const { definitions, joinedBytesMax } = this.#rules;
    return createJoiner<Span>({ definitions, joinedBytesMax, take: (record) => this.#batch?.addJoined(record) }, state);
  }
  #into(batch: LineBatch, run: () => void): void {
    this.#batch = batch;
    run();
    this.#batch = undefined;
  }
  #gaps(): Span[] {
    const held = this.#joiner.held();
    return gapsBetween(held, held.at(-1)?.[1] ?? 0);
  }
  #isTaken(at: number): boolean {
    while (this.#skipped.length > 0) {
      const [from, to] = this.#skipped[0] as Span;
      if (at < from) return false;
      if (at < to) return true;
      this.#skipped = this.#skipped.slice(1);
    }
    return false;
  }
}

/** What is between spans that are in order, and between the last one and `to`. */
function gapsBetween(spans: readonly Span[], to: number): Span[] {
  const gaps: Span[] = [];
  for (const [index, [, end]] of spans.entries()) {
    const next = spans[index + 1]?.[0] ?? to;
    if (next > end) gaps.push([end, next]);
  }
  return gaps;
}
