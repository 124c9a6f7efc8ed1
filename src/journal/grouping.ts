/**
 * Puts appends that were made durable together into as few frames as their order allows.
 *
 * Appends of one source, tag, codec and generation share a frame. Records of different tags may change places, but when
 * an append carries source state, all records of that source that were appended before it must lie before it in the
 * file: the state says that they were taken, and a torn write keeps only what lies before the tear.
 */
import type { EncodedRecords } from '../core/batch.ts';
import type { JournalAppend } from './contract.ts';
import type { RecordsDraft } from './shard-writer.ts';

/** A frame of about this size is large enough to make its header cheap, and small enough that damage to it costs little. */
const frameBytesWanted = 256 * 1024;

/** An append with what the grouping needs to know of it and tells about it. */
export interface GroupedAppend {
  readonly request: JournalAppend;
  readonly bytes: number;
  /** Offset of its first record, counted from the first of the commit. Set by groupAppends. */
  offset: number;
}

class Group implements RecordsDraft {
  readonly source: string;
  readonly tag: string;
  readonly generation: number;
  readonly codec: number;
  readonly records: EncodedRecords[] = [];
  readonly members: GroupedAppend[] = [];
  count = 0;
  bytes = 0;
  hasState = false;
  #state: Map<string, unknown> | undefined;
  #keys: string[] | undefined;

  constructor({ source, tag, generation, records }: JournalAppend) {
    this.source = source;
    this.tag = tag;
    this.generation = generation;
    this.codec = records.codec;
  }
  takes({ source, tag, generation, records }: JournalAppend): boolean {
    return (
      this.tag === tag &&
      this.source === source &&
      this.codec === records.codec &&
      this.generation === generation &&
      this.bytes < frameBytesWanted
    );
  }
  add(append: GroupedAppend): void {
    const { records, state, keys } = append.request;
    this.members.push(append);
    this.records.push(records);
    append.offset = this.count;
    this.count += records.seconds.length;
    this.bytes += append.bytes;
    if (state) {
      this.hasState = true;
      this.#state ??= new Map();
      for (const key of Object.keys(state)) this.#state.set(key, state[key] ?? null);
    }
    if (keys && keys.length > 0) (this.#keys ??= []).push(...keys);
  }
  /** The state as it goes into the frame, for the table. */
  get stateValues(): Readonly<Record<string, unknown>> | undefined {
    return this.#state && Object.fromEntries(this.#state);
  }
  get state(): string {
    return this.#state ? JSON.stringify(this.stateValues) : '';
  }
  get keys(): string {
    return this.#keys ? JSON.stringify(this.#keys) : '';
  }
}

/** What is known of a source within one commit. */
interface SourceOrder {
  /** Its group that lies last in the file. */
  newest: Group;
  hasState: boolean;
}

/** Groups appends in order, and sets each one's `offset`. */
export function groupAppends(appends: readonly GroupedAppend[]): Group[] {
  const groups: Group[] = [];
  const byTag = new Map<string, Group>();
  const orders = new Map<string, SourceOrder>();
  let last: Group | undefined;
  for (const append of appends) {
    const { request } = append;
    // The usual case, one source and tag without state, needs no look into the maps.
    if (last && !request.state && !last.hasState && last.takes(request)) {
      last.add(append);
      continue;
    }
    const order = orders.get(request.source);
    let group = order && findGroup(request, byTag.get(request.tag), order);
    if (!group) {
      group = new Group(request);
      groups.push(group);
      byTag.set(request.tag, group);
    }
    if (order) {
      if (groups.at(-1) === group) order.newest = group;
      order.hasState ||= request.state !== undefined;
    } else orders.set(request.source, { newest: group, hasState: request.state !== undefined });
    group.add(append);
    last = group;
  }
  let offset = 0;
  for (const group of groups) {
    for (const member of group.members) member.offset += offset;
    offset += group.count;
  }
  return groups;
}

function findGroup(request: JournalAppend, group: Group | undefined, order: SourceOrder): Group | undefined {
  if (order.hasState || request.state) return order.newest.takes(request) ? order.newest : undefined;
  return group?.takes(request) ? group : undefined;
}
