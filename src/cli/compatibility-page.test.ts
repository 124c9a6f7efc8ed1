import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { compatibilityPage } from './compatibility-page.ts';

const create = (): never => {
  throw new TypeError('never run');
};
const plugin = definePlugin({
  kind: 'output',
  name: 'post',
  aliases: ['posting'],
  summary: 'Posts records.',
  options: {
    toUrl: text('Where to post', { required: true }),
    polled: boolean('Whether it polls', { ignored: 'nothing polls' }),
  },
  example: '',
  differences: [
    { peer: 'fluentd', verdict: 'better', text: 'Loses a record. Here it does not.' },
    { peer: 'fluentd', options: ['toUrl'], text: 'Takes any text. Here: a URL' },
    { peer: 'fluentbit', text: 'Is another program.' },
  ],
  fluentbit: fluentbitForm({ names: ['poster'], options: { toUrl: {} }, ignored: { poll: 'nothing polls' } }),
  create,
});

test('it tells what the dialect, the plugins and the waived cases declare', () => {
  const { path, text: page } = compatibilityPage({
    plugins: [plugin],
    later: [{ kind: 'filter', names: ['thinner', 'thin'] }],
    language: [{ verdict: 'better', theirs: 'Runs half', ours: 'Error', why: 'Half is | not enough' }],
    buffers: [{ verdict: 'different', theirs: 'A buffer', ours: 'The journal' }],
    routing: [],
    fluentbit: { language: [{ verdict: 'better', theirs: 'Ends', ours: 'Goes on' }], storage: [], routing: [] },
    bufferOptions: { path: text('Where', { ignored: 'there are no files' }) },
    waivers: {
      'fluentd/loses-one': 'the real program loses the last record',
      'fluentd/not-yet': 'needs the post output',
      'fluentbit/other': 'another program',
    },
  });
  assert.equal(path, 'compatibility.md');
  for (const line of [
    '**Outputs**: [post](reference/output-post.md) (`posting`).',
    'Later filters: `thinner`, `thin`.',
    '| better | Runs half | Error | Half is \\| not enough |',
    '| different | A buffer | The journal |',
    '| `path` | there are no files |',
    '### post (output)',
    '- *better*: Loses a record. Here it does not.',
    '- *different* (`to_url`): Takes any text. Here: a URL.',
    '| `polled` | nothing polls |',
    '| `loses-one` | the real program loses the last record. |',
    'In 1 case it does not yet do what Fluentd does.',
    '**Outputs**: [poster](reference/output-post.md).',
    '| better | Ends | Goes on |',
    '### Fluent Bit: poster (output)',
    '- *different*: Is another program.',
    '| `poll` | nothing polls |',
    '| `other` | another program. |',
  ])
    assert.ok(page.split('\n').includes(line), `${line}\nin\n${page}`);
});
