/** The plugins that come with the program. Sorted; one line each. */
import { csvFormatter } from './codecs/csv.ts';
import { hashFormatter } from './codecs/hash.ts';
import { inHttpParser } from './codecs/in_http.ts';
import { jsonFormatter, jsonLineParser } from './codecs/json.ts';
import { ltsvFormatter } from './codecs/ltsv.ts';
import { msgpackFormatter } from './codecs/msgpack.ts';
import { noneParser } from './codecs/none.ts';
import { outFileFormatter } from './codecs/out_file.ts';
import { singleValueFormatter } from './codecs/single_value.ts';
import { stdoutFormatter } from './codecs/stdout.ts';
import { tsvFormatter } from './codecs/tsv.ts';
import type { Plugin } from './core/plugin.ts';
import { grepFilter } from './filters/grep.ts';
import { recordTransformerFilter } from './filters/record_transformer.ts';
import { stdoutFilter } from './filters/stdout.ts';
import { fileOutput } from './outputs/file/index.ts';
import { httpOutput } from './outputs/http/index.ts';
import { nullOutput } from './outputs/null.ts';
import { secondaryFileOutput } from './outputs/secondary_file.ts';
import { stdoutOutput } from './outputs/stdout.ts';
import { storeOutput } from './outputs/store.ts';
import { httpSource } from './sources/http/index.ts';
import { postback } from './sources/postback/index.ts';
import { sampleSource } from './sources/sample.ts';
import { stdinSource } from './sources/stdin.ts';
import { tailSource } from './sources/tail/index.ts';
import { copyStep } from './steps/copy.ts';
import { relabelStep } from './steps/relabel.ts';
import { rewriteTagFilterStep } from './steps/rewrite_tag_filter.ts';
import { roundrobinStep } from './steps/roundrobin.ts';

export const builtinPlugins: readonly Plugin[] = [
  copyStep,
  csvFormatter,
  fileOutput,
  grepFilter,
  hashFormatter,
  httpOutput,
  httpSource,
  inHttpParser,
  jsonFormatter,
  jsonLineParser,
  ltsvFormatter,
  msgpackFormatter,
  noneParser,
  nullOutput,
  outFileFormatter,
  postback,
  recordTransformerFilter,
  relabelStep,
  rewriteTagFilterStep,
  roundrobinStep,
  sampleSource,
  secondaryFileOutput,
  singleValueFormatter,
  stdinSource,
  stdoutFilter,
  stdoutFormatter,
  stdoutOutput,
  storeOutput,
  tailSource,
  tsvFormatter,
];
