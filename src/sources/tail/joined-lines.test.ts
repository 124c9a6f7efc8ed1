/** Multiline parsers in the source: what a crash, a stop, a piece or a rotation does to records of several lines. */
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { until } from '../../../test/program.ts';
import { modelOf } from '../../../test/fixture.ts';
import { fluentbitParser } from '../../codecs/fluentbit/index.ts';
import { fluentbitMultilineParser } from '../../codecs/fluentbit_multiline.ts';
import { noneParser } from '../../codecs/none.ts';
import { Tailing } from './tail-fixture.ts';

const hour = 3_600_000;
const java = modelOf(fluentbitMultilineParser, { builtin: 'java' });
/** As cri has it, but in JSON, and no part waits for too long while the tests wait. */
const parts = {
  ...modelOf(fluentbitMultilineParser, {
    type: 'equal',
    matchString: 'F',
    keyContent: 'log',
    keyGroup: 'stream',
    keyPattern: 'p',
    flushTimeout: hour,
  }),
  parser: modelOf(fluentbitParser, { format: 'json' }),
};
const part = (stream: string, p: 'P' | 'F', log: string) => `${JSON.stringify({ stream, p, log })}\n`;

const texts = (tail: Tailing) => tail.records.map(({ log }) => log);

describe('records of several lines', () => {
  test('path and offset are those of the first line', async (t) => {
    const tail = await Tailing.make(t, { pathKey: 'path', offsetKey: 'offset' }, java);
    await tail.write('in.log', 'ok\nx.Error: a\n\tat b\nnext\n');
    await tail.start();
    await tail.count(3);
    const path = tail.file('in.log');
    assert.deepEqual(tail.records, [
      { log: 'ok\n', path, offset: 0 },
      { log: 'x.Error: a\n\tat b\n', path, offset: 3 },
      { log: 'next\n', path, offset: 20 },
    ]);
  });
  test('a stop leaves what may go on in the file', async (t) => {
    const tail = await Tailing.make(t, {}, parts);
    await tail.write('in.log', part('out', 'P', 'a') + part('err', 'F', 'x'));
    await tail.start();
    await tail.count(1);
    await tail.stop();
    await tail.append('in.log', part('err', 'P', 'y') + part('out', 'F', 'b'));
    await tail.start();
    await tail.count(2);
    await tail.stop();
    await tail.append('in.log', part('err', 'F', 'z'));
    await tail.start();
    await tail.count(3);
    await tail.stop();
    assert.deepEqual(texts(tail), ['x', 'ab', 'yz']);
  });
  test('what waited over a stop or a kill is not taken for lost', async (t) => {
    const tail = await Tailing.make(t, {}, parts);
    await tail.write('in.log', part('out', 'F', 'x') + part('out', 'P', 'a'));
    await tail.start();
    await tail.count(1);
    await until('a look at it', () => tail.appended.some(({ state }) => JSON.stringify(state).includes('"seen"')));
    await tail.stop();
    await tail.start();
    tail.kill();
    await tail.start();
    await tail.append('in.log', part('out', 'F', 'b'));
    await tail.count(2);
    await tail.stop();
    assert.deepEqual(texts(tail), ['x', 'ab']);
    assert.deepEqual(
      tail.said.filter((text) => text.includes('lost')),
      [],
    );
  });
  test('the end of the files completes what waits, where that ends it', async (t) => {
    const tail = await Tailing.make(t, { exitOnEof: true }, parts);
    await tail.write('in.log', part('out', 'P', 'a'));
    await tail.start();
    await tail.ended();
    await tail.stop();
    assert.deepEqual(texts(tail), ['a']);
  });
  test('a renamed file that was read to its end completes it', async (t) => {
    const tail = await Tailing.make(t, { rotateWait: 10 }, parts);
    await tail.write('in.log', part('out', 'P', 'a'));
    await tail.start();
    await rename(tail.file('in.log'), tail.file('old'));
    await tail.write('in.log', part('out', 'F', 'b'));
    await tail.count(2);
    assert.deepEqual(texts(tail).map(String).toSorted(), ['a', 'b']);
  });
  test('what is quiet for its flush timeout is complete', async (t) => {
    const quick = { ...parts, options: { ...parts.options, flushTimeout: 500 } };
    const tail = await Tailing.make(t, {}, quick);
    await tail.write('in.log', part('out', 'P', 'a'));
    await tail.start();
    await tail.count(1);
    assert.deepEqual(texts(tail), ['a']);
  });
  test('one that grows too large is cut and marked, and the file goes on', async (t) => {
    const tail = await Tailing.make(t, { multilineBufferLimit: 10 }, parts);
    await tail.write('in.log', part('out', 'P', '12345678').repeat(2) + part('out', 'F', 'x') + part('out', 'F', 'y'));
    await tail.start();
    await tail.count(3);
    assert.deepEqual(
      tail.records.map(({ log, multiline_truncated: cut }) => [log, cut]),
      [
        ['12345678', true],
        ['12345678x', undefined],
        ['y', undefined],
      ],
    );
  });
});

describe('Docker_Mode', () => {
  const json = modelOf(fluentbitParser, { format: 'json' });
  const mode = { dockerMode: true, multilineFlushInterval: hour, unparsedKey: 'log' };
  const docker = (log: string, more: Record<string, unknown> = {}) => `${JSON.stringify({ log, ...more })}\n`;

  test('parts are joined up to a line feed, whatever stream they are of; the last one gives the other fields', async (t) => {
    const tail = await Tailing.make(t, mode, json);
    await tail.write(
      'in.log',
      docker('a ', { stream: 'stdout', n: 1 }) +
        docker('b "é" ', { stream: 'stderr', n: 2 }) +
        docker('c\n', { stream: 'stdout', n: 3 }) +
        docker('whole\n', { n: 4 }),
    );
    await tail.start();
    await tail.count(2);
    assert.deepEqual(tail.records, [
      { log: 'a b "é" c\n', stream: 'stdout', n: 3 },
      { log: 'whole\n', n: 4 },
    ]);
  });
  test('a line that is no part completes what waits, and stands alone', async (t) => {
    const tail = await Tailing.make(t, mode, json);
    await tail.write('in.log', `${docker('a')}plain\n${docker('b')}{"log":5}\n${docker('c')}{"other":1}\n`);
    await tail.start();
    await tail.count(6);
    assert.deepEqual(
      tail.records.map((record) => JSON.stringify(record)),
      ['{"log":"a"}', '{"log":"plain"}', '{"log":"b"}', '{"log":5}', '{"log":"c"}', '{"other":1}'],
    );
  });
  test('without a parser the line of the last part is the text, with all of log in it', async (t) => {
    const tail = await Tailing.make(t, { ...mode, unparsedKey: undefined }, modelOf(noneParser, { messageKey: 'log' }));
    await tail.write('in.log', docker('a ', { n: 1 }) + docker('b\n', { n: 2 }));
    await tail.start();
    await tail.count(1);
    assert.deepEqual(JSON.parse(String(tail.records[0]?.['log'])), { log: 'a b\n', n: 2 });
  });
  test('what is quiet for Docker_Mode_Flush is complete', async (t) => {
    const tail = await Tailing.make(t, { ...mode, multilineFlushInterval: 1000 }, json);
    await tail.write('in.log', docker('a'));
    await tail.start();
    await tail.count(1);
    assert.deepEqual(texts(tail), ['a']);
  });
  test('Docker_Mode_Parser: from the first line on that it takes, records go up to the next such line', async (t) => {
    const first = modelOf(fluentbitParser, { format: 'regex', regex: String.raw`"log":"(?<level>[A-Z]+) ` });
    const tail = await Tailing.make(t, mode, json, [first]);
    const lines = ['before\n', 'more\n', 'ERROR a', 'b\n', '  at c\n', '  at d\n', 'INFO e\n', 'WARN f\n'];
    await tail.write('in.log', lines.map((log) => docker(log)).join(''));
    await tail.start();
    await tail.count(4);
    assert.deepEqual(texts(tail), ['before\n', 'more\n', 'ERROR ab\n  at c\n  at d\n', 'INFO e\n']);
  });
  test('a stop and a kill between parts lose and double none', async (t) => {
    const tail = await Tailing.make(t, mode, json);
    await tail.write('in.log', docker('1\n') + docker('2 ') + docker('3 '));
    await tail.start();
    await tail.count(1);
    await tail.stop();
    await tail.append('in.log', docker('4 '));
    await tail.start();
    tail.kill();
    await tail.append('in.log', docker('5\n'));
    await tail.start();
    await tail.count(2);
    await tail.stop();
    assert.deepEqual(texts(tail), ['1\n', '2 3 4 5\n']);
  });
});

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const seed of [1, 2, 3, 4, 5, 6])
  test(`kills and stops inside of records that interrupt each other: each part once, none split, seed ${seed}`, async (t) => {
    const random = randomOf(seed);
    const tail = await Tailing.make(t, {}, parts);
    const open = new Map<string, string>();
    const wanted: string[] = [];
    let next = 0;
    const line = (): string => {
      const stream = ['out', 'err', 'aux'][random(3)] as string;
      const isLast = random(3) === 0;
      const log = `${stream}${next++} `;
      const whole = (open.get(stream) ?? '') + log;
      if (isLast) {
        wanted.push(whole);
        open.delete(stream);
      } else open.set(stream, whole);
      return part(stream, isLast ? 'F' : 'P', log);
    };
    await tail.write('in.log', '');
    await tail.start();
    for (let step = 0; step < 150; step++) {
      switch (random(8)) {
        case 0:
          tail.killAfter(1 + random(3));
          break;
        case 1:
          if (tail.isRunning) tail.kill();
          break;
        case 2:
          await tail.stop();
          break;
        case 3:
          if (tail.isRunning) await until('all', () => !tail.isRunning || tail.records.length >= wanted.length);
          break;
        default:
          await tail.append('in.log', Array.from({ length: 1 + random(6) }, line).join(''));
      }
      if (!tail.isRunning && random(3) > 0) await tail.start();
    }
    await until(`all ${wanted.length} records`, async () => {
      if (!tail.isRunning) await tail.start();
      return tail.records.length >= wanted.length;
    });
    await tail.stop();
    assert.deepEqual(texts(tail).map(String).toSorted(), wanted.toSorted());
  });
