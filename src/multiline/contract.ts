/**
 * Records of several lines: what says which lines belong together, and what joins them. No I/O and no clock: who calls
 * says what time it is. Source: Fluent Bit 5.1 src/multiline.
 */
import type { Instant } from '../core/clock.ts';
import type { DirectParser, Parser } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';

/** From one of the states `from`, a line that the pattern matches belongs to the record, and the state is `to` then. */
export interface MultilineRule {
  /** With `start_state` among them, such a line begins a record. */
  readonly from: readonly string[];
  /** In Onigmo syntax, bare or between slashes. */
  readonly pattern: string;
  /** Undefined: no line goes on behind it. */
  readonly to: string | undefined;
}

/** What a `[MULTILINE_PARSER]` says, or what stands behind the name of a built-in one. */
export interface MultilineDefinition {
  readonly name: string;
  /** `regex`: by rules. `endswith`, `equal`: a record ends with the line (or the value of keyPattern) that does so with matchString. */
  readonly type: 'regex' | 'endswith' | 'equal';
  readonly rules: readonly MultilineRule[];
  readonly matchString: string;
  /** A record ends with lines that are not so. Not of regex. */
  readonly isNegated: boolean;
  readonly flushTimeoutMs: number;
  /** The field whose texts are joined. Undefined: lines are, with a line feed behind each; they become the field `log`. */
  readonly keyContent: string | undefined;
  /** The field that tells apart what is joined at a time (stdout, stderr). */
  readonly keyGroup: string | undefined;
  /** The field that matchString is compared with instead of keyContent. */
  readonly keyPattern: string | undefined;
  /** Makes fields of a line first, or of the text of keyContent. */
  readonly parser: Parser | undefined;
  /** The last line gives the other fields and the time, not the first. */
  readonly keepsLast?: boolean;
  /** Of endswith: from the first line on that it parses, complete ones are joined up to the next such line. */
  readonly firstLine?: Parser | undefined;
  /** Its patterns are ours, and known to take no long time. */
  readonly isBuiltin: boolean;
  /** The short way of lines that are a record of their own where nothing waits. */
  readonly direct?: DirectLine | undefined;
}

/** Writes the record of such a line by its bytes. */
export interface DirectLine extends DirectParser {
  /** The value of keyGroup of the line that was written last. */
  readonly group: string;
}

/** A record that is complete. `Place`: what the caller gave with its lines. */
export interface JoinedRecord<Place> {
  readonly fields: Fields;
  /** The first line's; undefined where neither the line had one nor the caller gave one. */
  readonly time: Instant | undefined;
  /** Places of its lines, in order; at least one. */
  readonly places: readonly Place[];
  /** It was cut at the limit: what follows is in the next record. */
  readonly isCut: boolean;
  /** A line that no parser took, or a record. */
  readonly isAlone: boolean;
}

export interface JoinerRules<Place> {
  /** Tried in order for each line, the one that took the last line first. */
  readonly definitions: readonly MultilineDefinition[];
  /** Text that is joined at most; a record that gets longer is cut between two lines. */
  readonly joinedBytesMax: number;
  /** Takes complete records, from inside the calls below. */
  readonly take: (record: JoinedRecord<Place>) => void;
}

/** A line without its end; its bytes are not kept. */
export interface JoinerLine<Place> {
  readonly text: Buffer | string;
  readonly place: Place;
}

/** Joins the lines or records of one stream (a file, a tag). */
export interface Joiner<Place> {
  /** Takes lines in order, best many at a time. `time`: of those that carry none. `nowMs`: monotonic time, for flushDue. */
  addLines(lines: readonly JoinerLine<Place>[], time: Instant | undefined, nowMs: number): void;
  /** Takes a record; one without keyContent is complete as it is. */
  addRecord(fields: Fields, time: Instant | undefined, place: Place, nowMs: number): void;
  /** Takes as complete what waits for lines since the flush timeout of its parser. */
  flushDue(nowMs: number): void;
  /** Takes all that waits as complete. */
  flush(): void;
  /** The short way of the parser that took the last line. Whoever goes it need not say so here. */
  readonly direct: DirectLine | undefined;
  /** Lines may go it: nothing waits for further ones. */
  readonly isQuiet: boolean;
  /** Whether that parser has had a line of the group: the first one does not go it, because there are only so many groups. */
  hasGroup(group: string): boolean;
  /** When flushDue has something to do, in monotonic time; undefined: nothing waits. */
  readonly dueMs: number | undefined;
  /** Places of lines that are in no complete record yet, in the order in which they came. */
  held(): Place[];
  /** Everything that waits and the rules' states, as plain JSON (bytes as base64), for `createJoiner`. */
  save(): JoinerState;
  /** The rules' states without what waits: as they were before the lines of held(), which are to be added again. */
  saveWithoutHeld(): JoinerState;
}

/** State of a joiner; JSON. Places must be JSON values where it is saved. */
export type JoinerState = Readonly<Record<string, unknown>>;
