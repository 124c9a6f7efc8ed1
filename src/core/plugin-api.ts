/** What a plugin package imports from `post2log`: the contract, the options, and the functions that read and change records. */
export { Batch, Block, codecs } from './batch.ts';
export type { Codec, EncodedRecords } from './batch.ts';
export { ByteWriter } from './bytes.ts';
export type { Clock, Instant, Timer } from './clock.ts';
export type { Difference, Peer, Verdict } from './difference.ts';
export { OperatingError, errorText } from './errors.ts';
export type { ErrorCode, Location } from './errors.ts';
export { fluentbitForm, fluentbitWords, madeModel, madeSection, tlsProperties } from './fluentbit.ts';
export type { FluentbitForm, FluentbitOption, FluentbitParts, FluentbitWritten } from './fluentbit.ts';
export { boolean, bytes, choice, duration, integer, list, map, number, pattern, secret, text } from './options.ts';
export type { OptionKind, OptionSpec, OptionTable, OptionValues } from './options.ts';
export { definePlugin } from './plugin.ts';
export type {
  AppendRequest,
  Chunk,
  ChunkBatch,
  Filter,
  Formatter,
  Output,
  OutputContext,
  ParsedRecord,
  Parser,
  PeerCalls,
  Plugin,
  PluginConfig,
  PluginContext,
  PluginKind,
  RejectRecord,
  Retagger,
  SectionSpec,
  SectionTable,
  Source,
  SourceContext,
  WriteResult,
} from './plugin.ts';
export {
  Float,
  copyFields,
  deleteField,
  fieldEntries,
  fieldKeys,
  fieldsFromEntries,
  getField,
  isFields,
  setField,
} from './record.ts';
export type { Fields, Value } from './record.ts';
