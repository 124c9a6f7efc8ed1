/** The store over a channel: what its process answers, and what the program asks with. */
import type { RecordStore, StoredBatch } from '../core/record-store.ts';
import type { Channel, ChannelHandlers } from './channel.ts';
import type { StoreQueries } from './contract.ts';

/** All that the program asks of the store's process. */
export interface ProgramStore extends RecordStore, StoreQueries {}

type Argument<M extends Exclude<keyof StoreQueries, 'status'>> = Parameters<StoreQueries[M]>[0];

/** Answers calls by a store. */
export function storeHandlers(store: ProgramStore): ChannelHandlers {
  const calls: Readonly<Record<string, (argument: never, signal: AbortSignal) => Promise<unknown>>> = {
    insert: (batches: readonly StoredBatch[], signal) => store.insert(batches, signal),
    search: (request: Argument<'search'>, signal) => store.search(request, signal),
    histogram: (request: Argument<'histogram'>, signal) => store.histogram(request, signal),
    fields: (request: Argument<'fields'>, signal) => store.fields(request, signal),
    values: (request: Argument<'values'>, signal) => store.values(request, signal),
    status: () => store.status(),
  };
  const streams: Readonly<Record<string, (argument: never, signal: AbortSignal) => AsyncIterable<unknown>>> = {
    export: (request: Argument<'export'>, signal) => store.export(request, signal),
    tail: (request: Argument<'tail'>, signal) => store.tail(request, signal),
  };
  return {
    call: (method, argument, signal) => found(calls, method)(argument as never, signal),
    stream: (method, argument, signal) => found(streams, method)(argument as never, signal),
  };
}

function found<T>(table: Readonly<Record<string, T>>, method: string): T {
  const entry = Object.hasOwn(table, method) ? table[method] : undefined;
  if (entry === undefined) throw new Error(`the store does not know ${method}`);
  return entry;
}

/** Asks over a channel. */
export function remoteStore(channel: Pick<Channel, 'call' | 'stream'>): ProgramStore {
  const call = <T>(method: keyof ProgramStore, argument?: unknown, signal?: AbortSignal): Promise<T> =>
    channel.call(method, argument, signal) as Promise<T>;
  const stream = <T>(method: keyof ProgramStore, argument: unknown, signal: AbortSignal): AsyncIterable<T> =>
    channel.stream(method, argument, signal) as AsyncIterable<T>;
  return {
    insert: (batches, signal) => call('insert', batches, signal),
    search: (request, signal) => call('search', request, signal),
    histogram: (request, signal) => call('histogram', request, signal),
    fields: (request, signal) => call('fields', request, signal),
    values: (request, signal) => call('values', request, signal),
    export: (request, signal) => stream('export', request, signal),
    tail: (request, signal) => stream('tail', request, signal),
    status: () => call('status'),
  };
}
