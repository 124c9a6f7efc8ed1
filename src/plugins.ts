/** The plugins that come with the program. Sorted; one line each. */
import { csvFormatter } from './codecs/csv.ts';
import { hashFormatter } from './codecs/hash.ts';
import { jsonFormatter } from './codecs/json.ts';
import { ltsvFormatter } from './codecs/ltsv.ts';
import { outFileFormatter } from './codecs/out_file.ts';
import { singleValueFormatter } from './codecs/single_value.ts';
import { stdoutFormatter } from './codecs/stdout.ts';
import { tsvFormatter } from './codecs/tsv.ts';
import type { Plugin } from './core/plugin.ts';
import { fileOutput } from './outputs/file/index.ts';
import { nullOutput } from './outputs/null.ts';
import { stdoutOutput } from './outputs/stdout.ts';
import { postback } from './sources/postback/index.ts';

export const builtinPlugins: readonly Plugin[] = [
  csvFormatter,
  fileOutput,
  hashFormatter,
  jsonFormatter,
  ltsvFormatter,
  nullOutput,
  outFileFormatter,
  postback,
  singleValueFormatter,
  stdoutFormatter,
  stdoutOutput,
  tsvFormatter,
];
