import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rootLabel } from '../config/model.ts';
import type { ActionModel, PipelineModel, PluginModel, StepModel } from '../config/model.ts';
import { Batch, Block, replaySource, replaySourceOf } from '../core/batch.ts';
import { silentLog } from '../core/log.ts';
import { NotReady } from '../core/not-ready.ts';
import type { Filter, Retagger } from '../core/plugin.ts';
import { copyFields, getField, setField } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import type { Routed } from './contract.ts';
import { jsonBlock } from './journal-fake.ts';
import { compileRouter } from './router.ts';

const at = { file: 'test.conf', line: 1, column: 1 };

function plugin(type: string): PluginModel {
  return { kind: 'filter', type, options: {}, sections: {}, at };
}
function step(pattern: string, action: ActionModel, take = true): StepModel {
  return { match: { syntax: 'fluentd', pattern }, action, take, at };
}
const to = (output: string): ActionModel => ({ kind: 'output', output });
const filter = (type: string): ActionModel => ({ kind: 'filter', plugin: plugin(type) });
const relabel = (label: string): ActionModel => ({ kind: 'relabel', label });
const retag = (type: string, label = rootLabel): ActionModel => ({ kind: 'retag', plugin: plugin(type), label });

function withField(fields: Fields, key: string): Fields {
  const copy = copyFields(fields);
  setField(copy, key, true);
  return copy;
}
const filters: Record<string, Filter> = {
  odd: { apply: (batch) => batch.map((fields) => (Number(getField(fields, 'n')) % 2 === 1 ? fields : undefined)) },
  mark: { apply: (batch) => batch.map((fields) => withField(fields, 'marked')) },
  rejectTwo: {
    apply: (batch, reject) =>
      batch.map((fields, row) => {
        if (getField(fields, 'n') !== 2) return fields;
        reject(row, 'two is not wanted');
        return undefined;
      }),
  },
  rejectTwoKeep: {
    apply(batch, reject) {
      for (let row = 0; row < batch.count; row++) if (getField(batch.fields(row), 'n') === 2) reject(row, 'odd one');
      return batch;
    },
  },
  rejectAll: {
    apply(batch, reject) {
      for (let row = 0; row < batch.count; row++) reject(row, 'none is wanted');
      return batch.select([]);
    },
  },
  throwThree: {
    apply: (batch) =>
      batch.map((fields) => {
        if (getField(fields, 'n') === 3) throw new Error('three broke it');
        return withField(fields, 'seen');
      }),
  },
  twice: { apply: (batch) => batch.select(Array.from({ length: batch.count * 2 }, (_, i) => i >> 1)) },
};
const retaggers: Record<string, Retagger> = {
  passOdd: {
    dropReason: 'filtered',
    letsPass: true,
    retag(batch, emit) {
      const rows = Array.from({ length: batch.count }, (_, row) => row);
      emit(batch.select(rows.filter((row) => row % 2 === 0)).withTag('even'));
      return batch.select(rows.filter((row) => row % 2 === 1));
    },
  },
  byParity: {
    dropReason: 'no_rule',
    retag(batch, emit) {
      const rows = (rest: number): number[] =>
        Array.from({ length: batch.count }, (_, row) => row).filter(
          (row) => Number(getField(batch.fields(row), 'n')) % 3 === rest,
        );
      if (rows(0).length > 0) emit(batch.select(rows(0)).withTag('zero'));
      if (rows(1).length > 0) emit(batch.select(rows(1)).withTag('one'));
    },
  },
  own: {
    dropReason: 'no_rule',
    letsPass: true,
    passesOwn: true,
    retag: (batch, emit) => (emit(batch), batch.select([])),
  },
  same: { dropReason: 'no_rule', retag: (batch, emit) => emit(batch) },
  throwThree: {
    dropReason: 'no_rule',
    retag(batch, emit) {
      for (let row = 0; row < batch.count; row++)
        if (getField(batch.fields(row), 'n') === 3) throw new Error('three broke it');
      emit(batch.withTag('fine'));
    },
  },
};

interface Routing {
  readonly taps?: readonly string[];
  readonly source?: string;
}

function route(labels: Record<string, StepModel[]>, tag = 'a', count = 5, { taps, source }: Routing = {}): Routed {
  const model: PipelineModel = { version: 1, sources: [], labels, outputs: [], plugins: [], ...(taps && { taps }) };
  const router = compileRouter(model, {
    compileMatch:
      ({ pattern }) =>
      (tag) =>
        pattern === '**' || pattern === tag,
    createFilter: ({ type }) => filters[type] as Filter,
    createRetagger: ({ type }) => retaggers[type] as Retagger,
    log: silentLog(),
  });
  const payloads = Array.from({ length: count }, (_, n) => JSON.stringify({ n }));
  for (const tap of taps ?? []) assert(router.outputs.has(tap));
  const block = jsonBlock('s', 100, payloads);
  return router.route(Batch.of(tag, source === undefined ? block : new Block({ ...block.parts, source })));
}
function numbers(batch: Batch): unknown[] {
  return Array.from({ length: batch.count }, (_, row) => getField(batch.fields(row), 'n'));
}
function emitted({ emissions }: Routed): [string, string, unknown[]][] {
  return emissions.map(({ output, batch }) => [output, batch.tag, numbers(batch)]);
}
function refused({ refusals }: Routed): [string, boolean, unknown[]][] {
  return refusals.map(({ reason, isKept, batch }) => [reason, isKept, numbers(batch)]);
}

test('the first match takes the record, steps without take let it go on', () => {
  const taken = route({ [rootLabel]: [step('a', to('first')), step('**', to('second'))] });
  assert.deepEqual(emitted(taken), [['first', 'a', [0, 1, 2, 3, 4]]]);
  const fanned = route({ [rootLabel]: [step('a', to('first'), false), step('**', to('second'), false)] });
  assert.deepEqual(
    emitted(fanned).map(([output]) => output),
    ['first', 'second'],
  );
  assert.deepEqual(fanned.refusals, []);
});

test('stores take turns by their weights, and at each reading of a frame the same ones', () => {
  const labels = (weights: number[]) => ({
    [rootLabel]: [step('a', { kind: 'roundrobin', actions: [to('x'), relabel('@Y')], weights })],
    '@Y': [step('**', to('y'))],
  });
  // The frame begins at offset 100: its place in the journal decides.
  assert.deepEqual(emitted(route(labels([1, 1]))), [
    ['x', 'a', [0, 2, 4]],
    ['y', 'a', [1, 3]],
  ]);
  const thrice = emitted(route(labels([30, 10]), 'a', 8));
  assert.deepEqual(
    thrice.map(([output, , rows]) => [output, rows.length]),
    [
      ['x', 6],
      ['y', 2],
    ],
  );
  assert.deepEqual(emitted(route(labels([0, 1]), 'a', 2)), [['y', 'a', [0, 1]]]);
});

test('a record that no step hands on is refused as no_route, filters or not', () => {
  assert.deepEqual(refused(route({ [rootLabel]: [step('b', to('x'))] })), [['no_route', false, [0, 1, 2, 3, 4]]]);
  const filtered = route({ [rootLabel]: [step('**', filter('odd'), false), step('b', to('x'))] });
  assert.deepEqual(refused(filtered), [
    ['filtered', false, [0, 2, 4]],
    ['no_route', false, [1, 3]],
  ]);
});

test('filters change what comes behind them and nothing before', () => {
  const routed = route({
    [rootLabel]: [step('**', to('raw'), false), step('**', filter('mark'), false), step('**', to('marked'))],
  });
  const marks = routed.emissions.map(({ batch }) => getField(batch.fields(0), 'marked'));
  assert.deepEqual(marks, [undefined, true]);
});

test('copy gives all records to each action, in order', () => {
  const routed = route({
    [rootLabel]: [step('**', { kind: 'copy', actions: [to('x'), relabel('@L'), to('y')] })],
    '@L': [step('**', filter('odd'), false), step('**', to('z'))],
  });
  assert.deepEqual(
    emitted(routed).map(([output, , rows]) => [output, rows.length]),
    [
      ['x', 5],
      ['z', 2],
      ['y', 5],
    ],
  );
  assert.deepEqual(refused(routed), [['filtered', false, [0, 2, 4]]]);
});

test('retagged records enter the label under their new tags; what is not emitted is dropped under its reason', () => {
  const routed = route({
    [rootLabel]: [step('a', retag('byParity')), step('zero', to('x')), step('one', to('y'))],
  });
  assert.deepEqual(emitted(routed), [
    ['x', 'zero', [0, 3]],
    ['y', 'one', [1, 4]],
  ]);
  assert.deepEqual(refused(routed), [['no_rule', false, [2]]]);
});

test('a retagging step without take drops nothing', () => {
  const routed = route({
    [rootLabel]: [step('a', retag('byParity'), false), step('a', to('all')), step('**', to('x'))],
  });
  assert.deepEqual(emitted(routed).at(-1), ['all', 'a', [0, 1, 2, 3, 4]]);
  assert.deepEqual(routed.refusals, []);
});

test('retagging that lets records pass: what it gives back goes on, and is refused where nobody takes it', () => {
  const passed = route({ [rootLabel]: [step('a', retag('passOdd'), false), step('**', to('x'), false)] });
  assert.deepEqual(emitted(passed), [
    ['x', 'even', [0, 2, 4]],
    ['x', 'a', [1, 3]],
  ]);
  assert.deepEqual(passed.refusals, []);
  const lonely = route({ [rootLabel]: [step('a', retag('passOdd'), false), step('even', to('x'), false)] });
  assert.deepEqual(refused(lonely), [['no_route', false, [1, 3]]]);
});

test('rejected records go to @ERROR, and from within it to the dead letters', () => {
  const steps = [step('**', filter('rejectTwo'), false), step('**', to('x'))];
  const caught = route({ [rootLabel]: steps, '@ERROR': [step('**', to('errors'))] });
  assert.deepEqual(emitted(caught), [
    ['errors', 'a', [2]],
    ['x', 'a', [0, 1, 3, 4]],
  ]);
  assert.deepEqual(caught.refusals, []);
  const looping = route({ [rootLabel]: steps, '@ERROR': [step('**', filter('rejectAll'), false)] });
  assert.deepEqual(refused(looping), [['none is wanted', true, [2]]]);
  assert.deepEqual(refused(route({ [rootLabel]: steps })), [['two is not wanted', true, [2]]]);
});

test('a rejected record that goes on all the same goes to @ERROR too, and is refused by nobody without one', () => {
  const steps = [step('**', filter('rejectTwoKeep'), false), step('**', to('x'))];
  const caught = route({ [rootLabel]: steps, '@ERROR': [step('**', to('errors'))] });
  assert.deepEqual(emitted(caught), [
    ['errors', 'a', [2]],
    ['x', 'a', [0, 1, 2, 3, 4]],
  ]);
  const alone = route({ [rootLabel]: steps });
  assert.deepEqual(emitted(alone), [['x', 'a', [0, 1, 2, 3, 4]]]);
  assert.deepEqual(alone.refusals, []);
});

test('a filter that throws loses only the record it throws on', () => {
  const routed = route({ [rootLabel]: [step('**', filter('throwThree'), false), step('**', to('x'))] });
  assert.deepEqual(
    emitted(routed).flatMap(([, , rows]) => rows),
    [0, 1, 2, 4],
  );
  assert.deepEqual(refused(routed), [['three broke it', true, [3]]]);
  const retagged = route({ [rootLabel]: [step('a', retag('throwThree')), step('fine', to('x'))] });
  assert.deepEqual(
    emitted(retagged).flatMap(([, , rows]) => rows),
    [0, 1, 2, 4],
  );
  assert.deepEqual(refused(retagged), [['three broke it', true, [3]]]);
});

test('loops end as hop_limit, also those that multiply', () => {
  assert.deepEqual(refused(route({ [rootLabel]: [step('**', retag('same'))] })), [
    ['hop_limit', true, [0, 1, 2, 3, 4]],
  ]);
  // One that lets its own records pass meets them once.
  const past = route({ [rootLabel]: [step('**', retag('own'), false), step('**', to('x'))] });
  assert.deepEqual([emitted(past).length, refused(past)], [1, []]);
  const two = [step('**', retag('own'), false), step('**', retag('passOdd'), false), step('**', to('x'))];
  assert.ok(refused(route({ [rootLabel]: two })).every(([reason]) => reason === 'hop_limit'));
  const multiplying = route({
    [rootLabel]: [step('**', { kind: 'copy', actions: [relabel(rootLabel), relabel(rootLabel)] })],
  });
  assert.ok(multiplying.refusals.length > 0);
  assert.ok(multiplying.refusals.every(({ reason }) => reason === 'hop_limit'));
});

test('a filter that doubles records makes two emissions of each', () => {
  const routed = route({ [rootLabel]: [step('**', filter('twice'), false), step('**', to('x'))] }, 'a', 2);
  assert.deepEqual(emitted(routed), [['x', 'a', [0, 0, 1, 1]]]);
  assert.deepEqual(routed.refusals, []);
});

test('a tap gets every record as it is received, first, and changes nothing for the others', () => {
  const labels = { [rootLabel]: [step('a', filter('odd'), false), step('a', to('x'))] };
  const plain = route(labels);
  const tapped = route(labels, 'a', 5, { taps: ['store'] });
  assert.deepEqual(emitted(tapped), [['store', 'a', [0, 1, 2, 3, 4]], ...emitted(plain)]);
  assert.notEqual(tapped.emissions[0]?.batch.wholeJson(), undefined);
  assert.deepEqual(refused(tapped), refused(plain));
  const lost = route(labels, 'other', 2, { taps: ['store'] });
  assert.deepEqual(emitted(lost), [['store', 'other', [0, 1]]]);
  assert.deepEqual(refused(lost), [['no_route', false, [0, 1]]]);
});

test('outputs are named in the order in which a record meets them', () => {
  const labels = {
    [rootLabel]: [step('a', { kind: 'copy', actions: [relabel('@B'), to('second')] }), step('**', to('third'))],
    '@LONE': [step('**', to('last'))],
    '@B': [step('**', relabel('@C'))],
    '@C': [step('x', to('first')), step('**', relabel('@B'))],
  };
  const model: PipelineModel = { version: 1, sources: [], labels, outputs: [], plugins: [] };
  const router = compileRouter(model, {
    compileMatch: () => () => true,
    createFilter: () => assert.fail(),
    createRetagger: () => assert.fail(),
    log: silentLog(),
  });
  assert.deepEqual([...router.outputs], ['first', 'second', 'third', 'last']);
});

test('a tap does not get replayed records, which it got when they were received; outputs do', () => {
  const replayed = route({ [rootLabel]: [step('a', to('x'))] }, 'a', 2, { taps: ['store'], source: replaySource });
  assert.deepEqual(emitted(replayed), [['x', 'a', [0, 1]]]);
});

test('what is replayed for one output reaches that one alone, and goes the usual way where there is no such output', () => {
  const labels = { [rootLabel]: [step('**', { kind: 'copy', actions: [to('x'), to('y')] })] };
  const replayed = (output: string) => route(labels, 'a', 1, { taps: ['store'], source: replaySourceOf(output) });
  assert.deepEqual(emitted(replayed('y')), [['y', 'a', [0]]]);
  assert.deepEqual(emitted(replayed('store')), [['store', 'a', [0]]]);
  assert.deepEqual(emitted(replayed('@router')), [
    ['x', 'a', [0]],
    ['y', 'a', [0]],
  ]);
});

test('stores of a copy see what filters of the ones before changed in place, where they share records', () => {
  const inPlace: Filter = {
    apply(batch, _reject, changed) {
      for (let row = 0; row < batch.count; row++) changed?.(row, { n: row + 10 });
      return batch.map((fields) => withField(fields, 'marked'));
    },
  };
  const emittedWith = (shares: 'record' | undefined): string[] => {
    const copy: ActionModel = { kind: 'copy', actions: [relabel('@B'), to('x')], ...(shares && { shares }) };
    const labels = { [rootLabel]: [step('**', copy)], '@B': [step('**', filter('any'), false), step('**', to('y'))] };
    const model: PipelineModel = { version: 1, sources: [], labels, outputs: [], plugins: [] };
    const router = compileRouter(model, {
      compileMatch: () => () => true,
      createFilter: () => inPlace,
      createRetagger: () => assert.fail(),
      log: silentLog(),
    });
    const { emissions } = router.route(Batch.of('a', jsonBlock('s', 0, ['{"n":0}'])));
    return emissions.map(({ output, batch }) => `${output} ${batch.json(0).toString()}`);
  };
  assert.deepEqual(emittedWith(undefined), ['y {"n":0,"marked":true}', 'x {"n":0}']);
  assert.deepEqual(emittedWith('record'), ['y {"n":0,"marked":true}', 'x {"n":10}']);
});

test('where routes differ by receiving process, the source of a record says which are its own', () => {
  const labels = (output: string): Record<string, StepModel[]> => ({
    [rootLabel]: [step('**', relabel('@L'))],
    '@L': [step('**', to(output))],
  });
  const sourceOf = (id: string) => ({ id, plugin: plugin('sample'), label: rootLabel });
  const router = compileRouter(
    {
      version: 1,
      sources: ['zero', 'one', 'two'].map(sourceOf),
      labels: labels('all'),
      scopes: [
        { name: 'worker 0', sources: ['zero'], labels: labels('first') },
        { name: 'worker 1', sources: ['one'], labels: labels('second') },
      ],
      outputs: [],
      plugins: [],
    },
    {
      compileMatch: () => () => true,
      createFilter: ({ type }) => filters[type] as Filter,
      createRetagger: ({ type }) => retaggers[type] as Retagger,
      log: silentLog(),
    },
  );
  assert.deepEqual([...router.outputs].sort(), ['all', 'first', 'second']);
  const outputOf = (source: string): string | undefined =>
    router.route(Batch.of('a', new Block({ ...jsonBlock('s', 0, ['{"n":1}']).parts, source }))).emissions[0]?.output;
  assert.deepEqual(['zero', 'one', 'two', replaySource].map(outputOf), ['first', 'second', 'all', 'all']);
});

test('a filter that is not ready is called again, those before it are not; the outcome is as if it had been ready', async () => {
  let ready = (): void => undefined;
  let isReady = false;
  const whenReady = new Promise<void>((resolve) => (ready = resolve));
  const calls: string[] = [];
  const made: Record<string, Filter> = {
    once: {
      apply(batch, reject) {
        calls.push('once');
        reject(0, 'bad');
        return batch.select([1, 2]);
      },
    },
    late: {
      apply(batch) {
        calls.push('late');
        if (!isReady) throw new NotReady(whenReady);
        return batch;
      },
    },
  };
  const labels = { [rootLabel]: [step('**', filter('once'), false), step('**', filter('late'), false)] };
  const router = compileRouter(
    { version: 1, sources: [], labels, outputs: [], plugins: [] },
    {
      compileMatch: () => () => true,
      createFilter: ({ type }) => made[type] as Filter,
      createRetagger: () => assert.fail('there is none'),
      log: silentLog(),
    },
  );
  const first = router.route(Batch.of('a', jsonBlock('s', 0, ['{"n":0}', '{"n":1}', '{"n":2}'])));
  assert.ok(first.waiting);
  assert.deepEqual([first.emissions, first.refusals], [[], []]);
  assert.ok(first.waiting.again().waiting, 'asked too early');
  isReady = true;
  ready();
  await first.waiting.ready;
  const then = first.waiting.again();
  assert.equal(then.waiting, undefined);
  assert.deepEqual(refused(then), [
    ['bad', true, [0]],
    ['no_route', false, [1, 2]],
  ]);
  assert.deepEqual(calls, ['once', 'late', 'late', 'late']);
});

const joining = (match: string, output: string, more: object = {}): StepModel => ({
  ...step(match, { kind: 'join', output, ...more }),
  take: true,
});

test('records go to what joins them, and on behind it under the source that it gives them', () => {
  const labels = {
    [rootLabel]: [joining('a', 'concat', { labels: ['@T'] }), step('**', { kind: 'relabel', label: '@T' })],
    '@T': [step('**', to('late'))],
    '@ERROR': [step('**', to('failed'))],
  };
  const from = (source: string, tag = 'a') =>
    route(labels, tag, 2, { source, taps: ['tap'] }).emissions.map(({ output }) => output);
  assert.deepEqual(from('tail'), ['tap', 'concat']);
  assert.deepEqual(from('tail', 'b'), ['tap', 'late']);
  assert.deepEqual(from('tail @concat'), ['late']);
  assert.deepEqual(from('tail @concat>@T'), ['late']);
  assert.deepEqual(from('tail @concat!timed out'), ['failed']);
  // One that the configuration does not know begins anew.
  assert.deepEqual(from('tail @other'), ['tap', 'concat']);
});

test('what failed to be joined goes to the dead letters where no @ERROR takes it', () => {
  const labels = { [rootLabel]: [joining('a', 'concat'), step('**', to('x'))] };
  assert.deepEqual(refused(route(labels, 'a', 2, { source: 'tail @concat!timeout' })), [['timeout', true, [0, 1]]]);
});

test('a join that names a label gives its records there, also inside a copy', () => {
  const labels = {
    [rootLabel]: [
      step('a', { kind: 'copy', actions: [to('one'), { kind: 'join', output: 'traces', label: rootLabel }] }),
      step('**', to('two')),
    ],
  };
  const outputs = (source: string, tag: string) =>
    route(labels, tag, 1, { source }).emissions.map(({ output }) => output);
  assert.deepEqual(outputs('tail', 'a'), ['one', 'traces']);
  assert.deepEqual(outputs('tail @traces', 'b'), ['two']);
});
