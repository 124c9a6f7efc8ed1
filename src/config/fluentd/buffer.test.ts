import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../core/errors.ts';
import { Registry } from '../../core/registry.ts';
import { defaultBuffer } from '../model.ts';
import type { BufferModel } from '../model.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import { testPlugins } from './test-plugins.ts';

const bodies: Readonly<Record<string, string>> = { stdout: '', kafka2: '', file: 'path /a\n' };

function lower(type: string, body: string) {
  const text = `<match **>\n@type ${type}\n${bodies[type] ?? ''}${body}\n</match>`;
  const parsed = parseFluentd(text, 'f.conf', { env: {}, hostname: 'h', workerId: '0' });
  const lowering = new Lowering(new Registry(testPlugins));
  const { model } = lowerFluentd(lowering, parsed.root);
  const problems = lowering.problems.map(formatProblem);
  return { buffer: model.outputs[0]?.buffer, problems, notes: lowering.notes.map((note) => note.text) };
}

const retry = defaultBuffer.retry;
const day = 86_400;
const interval = { flushMode: 'interval', flushIntervalMs: 60_000 } as const;
const byDay = { chunkKeys: ['time'], timekeySeconds: day, timekeyWaitMs: 600_000 };
/** What every buffer that is written has. */
const written = { chunkFullPart: 0.95, queuedChunksMax: 1 };
const atOnce = { flushMode: 'immediate', flushIntervalMs: 1000 } as const;

describe('buffers', () => {
  const table: readonly [string, string, string, Partial<BufferModel>][] = [
    ['stdout without one flushes at once', 'stdout', '', atOnce],
    [
      'stdout with one that says nothing, too',
      'stdout',
      '<buffer>\n</buffer>',
      { flushMode: 'immediate', flushIntervalMs: 60_000 },
    ],
    ['an output without one has its own keys', 'kafka2', '', { ...atOnce, chunkKeys: ['topic'] }],
    ['a file is cut by day', 'file', '', { ...atOnce, ...byDay }],
    [
      'one that says nothing has the interval of 60 s',
      'kafka2',
      '<buffer>\n@type memory\n</buffer>',
      { ...interval, chunkKeys: ['topic'] },
    ],
    ['interval without length is 60 s', 'stdout', '<buffer>\nflush_mode interval\n</buffer>', interval],
    ['interval', 'stdout', '<buffer>\nflush_interval 10s\n</buffer>', { ...interval, flushIntervalMs: 10_000 }],
    [
      'immediate',
      'kafka2',
      '<buffer []>\nflush_mode immediate\n</buffer>',
      { flushMode: 'immediate', flushIntervalMs: 60_000 },
    ],
    [
      'keys',
      'stdout',
      '<buffer tag, $.a.b ,k>\nflush_mode interval\n</buffer>',
      { ...interval, chunkKeys: ['tag', '$.a.b', 'k'] },
    ],
    [
      'keys as JSON',
      'stdout',
      '<buffer ["tag","k"]>\nflush_mode interval\n</buffer>',
      { ...interval, chunkKeys: ['tag', 'k'] },
    ],
    [
      'time is lazy',
      'kafka2',
      '<buffer time>\ntimekey 1h\ntimekey_wait 5m\ntimekey_use_utc true\n</buffer>',
      {
        chunkKeys: ['time'],
        timekeySeconds: 3600,
        timekeyWaitMs: 300_000,
        timezone: '+00:00',
        flushMode: 'lazy',
        flushIntervalMs: 60_000,
      },
    ],
    [
      'a zone',
      'file',
      '<buffer time>\ntimekey_zone +0900\n</buffer>',
      { ...byDay, timezone: '+09:00', flushMode: 'immediate', flushIntervalMs: 60_000 },
    ],
    [
      'a zone by name',
      'file',
      '<buffer time>\ntimekey_zone Asia/Seoul\n</buffer>',
      { ...byDay, timezone: 'Asia/Seoul', flushMode: 'immediate', flushIntervalMs: 60_000 },
    ],
    [
      'a file with an interval',
      'file',
      '<buffer>\nflush_mode interval\nflush_interval 5\n</buffer>',
      { ...byDay, flushMode: 'interval', flushIntervalMs: 5000 },
    ],
    [
      'sizes and threads',
      'kafka2',
      '<buffer>\nchunk_limit_size 1m\nchunk_limit_records 10\nflush_thread_count 4\nflush_mode immediate\n</buffer>',
      {
        chunkKeys: ['topic'],
        chunkBytesMax: 1_048_576,
        chunkRecordsMax: 10,
        concurrency: 4,
        queuedChunksMax: 4,
        flushMode: 'immediate',
        flushIntervalMs: 60_000,
      },
    ],
    [
      'a default limit of retries does not apply',
      'stdout',
      '<buffer>\nretry_wait 2\nretry_max_interval 30\nretry_exponential_backoff_base 3\nretry_randomize false\nretry_type periodic\nflush_mode interval\n</buffer>',
      {
        ...interval,
        retry: { ...retry, waitMs: 2000, waitMsMax: 30_000, base: 3, isRandomized: false, type: 'periodic' },
      },
    ],
    [
      'written limits do',
      'stdout',
      '<buffer>\nretry_max_times 3\nretry_timeout 1h\nretry_secondary_threshold 0.5\nflush_mode interval\n</buffer>',
      { ...interval, retry: { ...retry, triesMax: 3, timeoutMs: 3_600_000, secondaryThreshold: 0.5 } },
    ],
    [
      'a long wait is not cut',
      'stdout',
      '<buffer>\nretry_wait 1h\nflush_mode interval\n</buffer>',
      { ...interval, retry: { ...retry, waitMs: 3_600_000, waitMsMax: 3_600_000 } },
    ],
    [
      'dropping',
      'stdout',
      '<buffer>\noverflow_action drop_oldest_chunk\nflush_mode interval\n</buffer>',
      { ...interval, overflow: 'drop_oldest' },
    ],
    [
      'blocking',
      'stdout',
      '<buffer>\noverflow_action throw_exception\ntotal_limit_size 1g\nflush_mode interval\n</buffer>',
      { ...interval, backlogBytesMax: 1024 ** 3 },
    ],
    [
      'what may wait, in chunks, goes before its size',
      'stdout',
      '<buffer>\nqueue_limit_length 4\nchunk_limit_size 1m\ntotal_limit_size 1g\nflush_mode interval\n</buffer>',
      { ...interval, chunkBytesMax: 1024 ** 2, backlogBytesMax: 4 * 1024 ** 2 },
    ],
    [
      'chunks that wait, are full, are packed, and records that are refused',
      'stdout',
      '<buffer>\nqueued_chunks_limit_size 8\nchunk_full_threshold 0.5\ncompress gzip\ndisable_chunk_backup true\nflush_mode interval\n</buffer>',
      { ...interval, queuedChunksMax: 8, chunkFullPart: 0.5, compress: 'gzip', isRefusedDropped: true },
    ],
    ['text is not packed', 'stdout', '<buffer>\ncompress text\nflush_mode interval\n</buffer>', interval],
    ['slow writes', 'stdout', 'slow_flush_log_threshold 1.5', { ...atOnce, slowFlushLogMs: 1500 }],
    [
      'v0.12',
      'kafka2',
      'buffer_type file\nbuffer_path /b\nbuffer_chunk_limit 256m\nbuffer_queue_limit 64\nflush_interval 5s\nnum_threads 2\nretry_limit 7\nretry_wait 1\nmax_retry_wait 10\nbuffer_queue_full_action exception',
      {
        chunkKeys: ['topic'],
        chunkBytesMax: 256 * 1024 ** 2,
        concurrency: 2,
        queuedChunksMax: 2,
        backlogBytesMax: 64 * 256 * 1024 ** 2,
        flushMode: 'interval',
        flushIntervalMs: 5000,
        retry: { ...retry, triesMax: 7, waitMsMax: 10_000 },
      },
    ],
    [
      'v0.12 without limit',
      'kafka2',
      'flush_interval 1\ndisable_retry_limit true',
      { chunkKeys: ['topic'], flushMode: 'interval', flushIntervalMs: 1000 },
    ],
    [
      'v0.12 slices',
      'file',
      'time_slice_format %Y%m%d%H\ntime_slice_wait 1s\nbuffer_type memory\nutc',
      {
        chunkKeys: ['time'],
        timekeySeconds: 3600,
        timekeyWaitMs: 1000,
        timezone: '+00:00',
        flushMode: 'immediate',
        flushIntervalMs: 60_000,
      },
    ],
  ];
  for (const [name, type, body, expected] of table)
    test(name, () => {
      const { buffer, problems } = lower(type, body);
      assert.deepEqual(problems, []);
      const isWritten = /<buffer|^(?:buffer|flush|time_slice)_/.test(body);
      assert.deepEqual(buffer, { ...defaultBuffer, ...(isWritten && written), ...expected });
    });

  test('a stop writes open chunks, unless they are said to stay or are cut by time in a file buffer', () => {
    const atStop = (type: string, body: string) => lower(type, body).buffer?.flushAtShutdown;
    const lazy = '\nflush_mode lazy\ntimekey 1d\n</buffer>';
    assert.equal(atStop('file', `<buffer time>\n@type file${lazy}`), false);
    assert.equal(atStop('file', `<buffer time>\n@type file\nflush_at_shutdown true${lazy}`), true);
    assert.equal(atStop('file', `<buffer time>${lazy}`), undefined);
    assert.equal(atStop('kafka2', '<buffer>\n@type file\nflush_interval 10s\n</buffer>'), undefined);
    assert.equal(atStop('kafka2', '<buffer>\nflush_interval 10s\nflush_at_shutdown false\n</buffer>'), false);
    assert.equal(atStop('stdout', '<buffer>\nflush_mode immediate\nflush_at_shutdown false\n</buffer>'), undefined);
  });

  test('what has no effect is named', () => {
    const { notes } = lower(
      'kafka2',
      '<buffer>\n@type file\npath /b\ncompress gzip\nflush_at_shutdown true\n</buffer>',
    );
    const named = notes.map((note) => note.split(/[:\s]/, 1)[0]);
    assert.deepEqual(named, ['path', 'retries', '<buffer>', 'what']);
  });

  const wrong: readonly [string, string, string, string][] = [
    [
      'flush_interval beside another mode',
      'stdout',
      '<buffer>\nflush_mode immediate\nflush_interval 1s\n</buffer>',
      '5:1: flush_interval can stand only with flush_mode interval, not with flush_mode immediate; remove one of them',
    ],
    [
      'flush_interval with time',
      'kafka2',
      '<buffer time>\ntimekey 1h\nflush_interval 1s\n</buffer>',
      '5:1: warning: flush_interval has no effect beside the chunk key time; write flush_mode interval for it',
    ],
    [
      'time without timekey',
      'kafka2',
      '<buffer time>\n</buffer>',
      '3:1: <buffer time> needs a timekey, such as timekey 1h',
    ],
    ['timekey of nothing', 'kafka2', '<buffer time>\ntimekey 0\n</buffer>', '4:9: timekey: expected at least 1 second'],
    [
      'timekey without time',
      'kafka2',
      '<buffer>\ntimekey 1h\n</buffer>',
      '3:1: warning: <buffer>: timekey has no effect unless time is a chunk key: <buffer time>',
    ],
    [
      'a key that is none',
      'kafka2',
      '<buffer tag,a b>\n</buffer>',
      "3:1: <buffer>: a b is no chunk key: tag, time, a field's name or $.path.to.field was expected, separated by commas",
    ],
    [
      'a zone that is none',
      'kafka2',
      '<buffer time>\ntimekey 1h\ntimekey_zone Asia/Soul\n</buffer>',
      '5:14: timekey_zone: found "Asia/Soul", expected an offset such as +09:00 or a zone such as Asia/Seoul',
    ],
    [
      'a buffer of no kind',
      'kafka2',
      '<buffer>\n@type redis\n</buffer>',
      '4:7: unknown buffer plugin redis (there are memory, file and file_single)',
    ],
    [
      'an unknown option',
      'kafka2',
      '<buffer>\nflush_intervall 1\n</buffer>',
      '4:1: <buffer> has no option flush_intervall; did you mean flush_interval?',
    ],
    ['a section', 'kafka2', '<buffer>\n<x>\n</x>\n</buffer>', '4:1: <buffer> takes no section <x>'],
    [
      'a backlog of nothing',
      'kafka2',
      '<buffer>\nqueue_limit_length 0\n</buffer>',
      '4:20: queue_limit_length: expected more than 0',
    ],
    [
      'a threshold beyond the limit',
      'kafka2',
      '<buffer>\nchunk_full_threshold 1.5\n</buffer>',
      '4:22: chunk_full_threshold: found 1.5, expected a part above 0 and up to 1, such as 0.95',
    ],
    [
      'a chunk of nothing',
      'kafka2',
      '<buffer>\nchunk_limit_size 0\n</buffer>',
      '4:18: chunk_limit_size: expected more than 0',
    ],
    [
      'forever and a limit',
      'kafka2',
      '<buffer>\nretry_forever true\nretry_max_times 3\n</buffer>',
      '4:1: warning: retry_forever: the other limits on retries have no effect beside it',
    ],
    [
      'a threshold',
      'kafka2',
      '<buffer>\nretry_secondary_threshold 80\n</buffer>',
      '4:1: retry_secondary_threshold: expected a part between 0 and 1',
    ],
    [
      'v0.12 beside <buffer>',
      'kafka2',
      'flush_interval 5s\n<buffer>\n</buffer>',
      '3:1: warning: flush_interval has no effect beside <buffer>; write flush_interval into it',
    ],
    [
      'a slice without time',
      'file',
      'time_slice_format %Y',
      '4:19: time_slice_format: found "%Y", expected a format with %d, %H, %M or %S',
    ],
  ];
  for (const [name, type, body, expected] of wrong)
    test(name, () => {
      assert.deepEqual(lower(type, body).problems, [`f.conf:${expected}`]);
    });
});
