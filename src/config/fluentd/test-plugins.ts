/** Plugins with the declarations of well-known ones and nothing behind them, for tests of the dialect. */
import {
  boolean,
  bytes,
  choice,
  duration,
  integer,
  list,
  map,
  number,
  pattern,
  secret,
  text,
} from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Plugin } from '../../core/plugin.ts';

function unused(): never {
  throw new TypeError('plugins for tests of the dialect are never run');
}
const example = '';

const parserOptions = {
  timeKey: text('Field with the time'),
  timeFormat: text('Its format'),
  timeType: choice(['string', 'float', 'unixtime'])('How the time is written', { default: 'string' }),
  keepTimeKey: boolean('Whether the field stays', { default: false }),
  nullValuePattern: pattern('What counts as null'),
  types: map('Types of fields'),
};

const sources = [
  definePlugin({
    kind: 'source',
    name: 'tail',
    exclusive: ['posFile'],
    summary: 'Reads files.',
    usesParser: true,
    options: {
      path: text('Files to read.', { required: true }),
      tag: text('Tag', { required: true }),
      posFile: text('Positions'),
      pathKey: text('Field that gets the path'),
      readFromHead: boolean('Where to begin', { default: false }),
      refreshInterval: duration('How often to look', { default: 60_000 }),
      rotateWait: duration('How long to wait', { default: 5000 }),
      excludePath: list('Files to leave out', { default: [] }),
      enableWatchTimer: boolean('Timer', { default: true, ignored: 'accepted without effect' }),
      skipRefreshOnStartup: boolean('Skip', { default: false }),
      followInodes: boolean('By inode', { default: false }),
      readLinesLimit: integer(1)('Lines at a time', { default: 1000 }),
    },
    example,
    check: (config) => {
      if (!config.parser) throw new Error('a section <parse> is required but missing');
    },
    create: unused,
  }),
  definePlugin({
    kind: 'source',
    name: 'http',
    summary: 'Receives over HTTP.',
    usesParser: true,
    options: {
      port: integer(0, 65_535)('Port', { default: 9880 }),
      bind: text('Address', { default: '0.0.0.0' }),
      bodySizeLimit: bytes('Largest body', { default: 33_554_432 }),
      password: secret('Password'),
    },
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'source',
    name: 'sample',
    summary: 'Makes records.',
    options: { tag: text('Tag', { default: 'sample' }), rate: number('Records a second', { default: 1 }) },
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'source',
    name: 'postback',
    summary: 'Receives postbacks.',
    isReplicated: true,
    options: {
      host: text('Address', { default: '0.0.0.0' }),
      port: integer(0, 65_535)('Port', { default: 80 }),
      endpoints: list('Paths', { default: ['/postback'] }),
      logQueryParameters: boolean('Whether query parameters become fields', { default: true }),
      signature: choice(['none', 'custom', 'github'])('Scheme'),
      signatureSecret: secret('Secret'),
      signatureHeader: text('Header'),
      bearerToken: secret('Token'),
      rateLimit: number('Requests a second'),
      idempotencyHeader: text('Header', { default: 'Idempotency-Key' }),
      idempotencyWindow: duration('Window', { default: 600_000 }),
      forwarder: choice(['builtin', 'files', 'both'])('Who forwards', { default: 'builtin' }),
      rotateBytes: bytes('Size', { default: 10_485_760 }),
    },
    example,
    check: ({ options }) => {
      for (const path of options.endpoints)
        if (!path.startsWith('/')) throw new Error(`endpoint ${path}: expected a path that begins with /`);
      if ((options.rateLimit ?? 0) < 0) throw new Error('rate_limit: expected 0 or more');
    },
    create: unused,
  }),
];

const parsers = [
  definePlugin({ kind: 'parser', name: 'json', summary: 'JSON', options: parserOptions, example, create: unused }),
  definePlugin({ kind: 'parser', name: 'none', summary: 'Lines', options: {}, example, create: unused }),
  definePlugin({
    kind: 'parser',
    name: 'regexp',
    summary: 'Expressions',
    options: { ...parserOptions, expression: pattern('What to match', { required: true }) },
    example,
    check: ({ options }) => {
      if (!options.expression.includes('(?<')) throw new Error('expression has no named captures');
    },
    create: unused,
  }),
];

const formatters = ['json', 'out_file'].map((name) =>
  definePlugin({
    kind: 'formatter',
    name,
    summary: name,
    options: { addNewline: boolean('Whether lines end', { default: true }) },
    example,
    create: unused,
  }),
);
const stdout = definePlugin({
  kind: 'formatter',
  name: 'stdout',
  summary: 'stdout',
  options: { outputType: text('The formatter inside', { default: 'json' }) },
  innerFormatter: 'outputType',
  example,
  create: unused,
});
const ltsv = definePlugin({
  kind: 'formatter',
  name: 'ltsv',
  summary: 'ltsv',
  options: { delimiter: text('Between fields', { default: '\t' }) },
  example,
  create: unused,
});

const key = text('Field', { required: true });
const condition = {
  summary: 'A condition',
  isMany: true,
  options: { key, pattern: pattern('What', { required: true }) },
};
const filters = [
  definePlugin({
    kind: 'filter',
    name: 'grep',
    summary: 'Keeps records.',
    options: {},
    sections: {
      regexp: condition,
      exclude: condition,
      and: { summary: 'All of them', isMany: true, options: {}, sections: { regexp: condition, exclude: condition } },
    },
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'filter',
    name: 'record_transformer',
    summary: 'Changes records.',
    options: { enableRuby: boolean('Ruby', { default: false }), removeKeys: list('Fields to remove') },
    sections: { record: { summary: 'New fields', isFreeform: true, options: {} } },
    example,
    create: unused,
  }),
];

const steps: Plugin[] = [
  definePlugin({
    kind: 'step',
    name: 'copy',
    summary: 'Copies.',
    options: { copyMode: choice(['no_copy', 'shallow'])('How', { ignored: 'records never change' }) },
    example,
  }),
  definePlugin({ kind: 'step', name: 'roundrobin', summary: 'Shares out.', options: {}, example }),
  definePlugin({ kind: 'step', name: 'relabel', summary: 'Relabels.', options: {}, example }),
  definePlugin({
    kind: 'step',
    name: 'rewrite_tag_filter',
    summary: 'Retags.',
    options: {},
    sections: {
      rule: {
        summary: 'A rule',
        isMany: true,
        isRequired: true,
        options: {
          key,
          pattern: pattern('What', { required: true }),
          tag: text('New tag', { required: true }),
          label: text('Label'),
        },
      },
    },
    example,
    create: unused,
  }),
];

const outputs = [
  definePlugin({
    kind: 'output',
    name: 'stdout',
    summary: 'Prints.',
    options: {},
    defaultFormatter: 'stdout',
    usesInject: true,
    buffer: { flushMode: 'immediate' },
    target: () => 'stdout',
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'output',
    name: 'secondary_file',
    summary: 'Keeps.',
    options: { directory: text('Where', { required: true }) },
    isSecondaryOnly: true,
    check({ options }, buffer) {
      if (buffer?.chunkKeys.includes('tag') === false && options.directory.includes('${tag}'))
        throw new Error('chunk key tag is not configured');
    },
    example,
    create: unused,
  }),
  definePlugin({ kind: 'output', name: 'null', summary: 'Discards.', options: {}, example, create: unused }),
  definePlugin({
    kind: 'output',
    name: 'store',
    summary: 'Keeps.',
    options: {},
    buffer: { flushMode: 'immediate', retry: { waitMs: 100, waitMsMax: 5000 } },
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'output',
    name: 'file',
    summary: 'Writes files.',
    options: {
      path: text('Where', { required: true }),
      append: boolean('Whether to go on', { default: false }),
      timeSliceFormat: text('Time in the name'),
    },
    defaultFormatter: 'out_file',
    usesInject: true,
    buffer: { flushMode: 'immediate', chunkKeys: ['time'], timekeySeconds: 86_400 },
    target: ({ path }) => path,
    example,
    create: unused,
  }),
  definePlugin({
    kind: 'output',
    name: 'kafka2',
    summary: 'Produces.',
    options: {
      brokers: list('Brokers', { default: ['localhost:9092'] }),
      defaultTopic: text('Topic'),
      useEventTime: boolean('Time', { default: false }),
      password: secret('Password'),
      headers: map('Headers'),
      exactlyOnce: boolean('Exactly once', { default: false }),
    },
    defaultFormatter: 'json',
    buffer: { chunkKeys: ['topic'] },
    target: ({ brokers }) => brokers.join(','),
    example,
    create: unused,
  }),
];

/** Declarations of well-known plugins that cannot run, for tests. */
export const testPlugins: readonly Plugin[] = [
  ...sources,
  ...parsers,
  ...formatters,
  stdout,
  ltsv,
  ...filters,
  ...steps,
  ...outputs,
];
