/**
 * `npm run docs` writes the reference below docs/; with `--check` it compares instead and names what is stale (exit
 * status 1). Files of docs/reference/ that nothing makes any more are removed, or named.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { variableDocs } from '../config/env.ts';
import { commonProperties, serviceProperties } from '../config/fluentbit/common.ts';
import {
  languageDifferences as fluentbitLanguage,
  routeDifferences,
  storageDifferences,
} from '../config/fluentbit/differences.ts';
import { bufferOptions } from '../config/fluentd/buffer-options.ts';
import { bufferDifferences, languageDifferences, routingDifferences } from '../config/fluentd/differences.ts';
import { laterPlugins } from '../config/fluentd/later-plugins.ts';
import { errorTable } from '../core/errors.ts';
import { builtinPlugins } from '../plugins.ts';
import { compatibilityPage } from './compatibility-page.ts';
import { allMethods } from '../ruby/methods/all.ts';
import { constants, functions, moduleFunctions } from '../ruby/methods/modules.ts';
import { changingInPlace } from '../ruby/methods/string.ts';
import { rubyPage } from './ruby-page.ts';
import { bufferPage, errorsPage, fluentbitPage, pluginPages, variablesPage } from './reference-pages.ts';

const docs = new URL('../../docs/', import.meta.url).pathname;
const postback = builtinPlugins.find((plugin) => plugin.kind === 'source' && plugin.name === 'postback');
const waivers = JSON.parse(
  readFileSync(new URL('../../test/conformance/waivers.json', import.meta.url), 'utf8'),
) as Record<string, string>;
const pages = [
  ...pluginPages(builtinPlugins),
  bufferPage(bufferOptions),
  fluentbitPage([
    ['[SERVICE]', serviceProperties],
    ['[INPUT]', commonProperties('source')],
    ['[FILTER]', commonProperties('filter')],
    ['[OUTPUT]', commonProperties('output')],
  ]),
  variablesPage(variableDocs(postback?.options ?? {})),
  errorsPage(errorTable),
  rubyPage({
    methods: allMethods,
    functions: functions.keys(),
    moduleFunctions: moduleFunctions.keys(),
    constants: constants.keys(),
    inPlace: changingInPlace.keys(),
  }),
  compatibilityPage({
    plugins: builtinPlugins,
    later: laterPlugins,
    language: languageDifferences,
    buffers: bufferDifferences,
    routing: routingDifferences,
    fluentbit: { language: fluentbitLanguage, storage: storageDifferences, routing: routeDifferences },
    bufferOptions,
    waivers,
  }),
];

const isStale = ({ path, text }: { path: string; text: string }): boolean =>
  !existsSync(docs + path) || readFileSync(docs + path, 'utf8') !== text;
const stale = pages.filter(isStale);
const kept = existsSync(`${docs}reference`) ? readdirSync(`${docs}reference`).map((name) => `reference/${name}`) : [];
const orphans = kept.filter((path) => !pages.some((page) => page.path === path));

if (process.argv.includes('--check')) {
  for (const page of stale) console.error(`docs/${page.path} is not what the code declares; run npm run docs`);
  for (const path of orphans) console.error(`docs/${path} belongs to nothing any more; run npm run docs`);
  process.exitCode = stale.length + orphans.length === 0 ? 0 : 1;
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(docs + path), { recursive: true });
    writeFileSync(docs + path, text);
  }
  for (const path of orphans) rmSync(docs + path);
  console.log(`docs: ${pages.length} pages, ${stale.length} written, ${orphans.length} removed`);
}
