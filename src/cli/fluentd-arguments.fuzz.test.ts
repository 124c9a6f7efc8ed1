/** Whatever stands in the variables of a container: a start, or an error of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { ConfigError } from '../core/errors.ts';
import { fluentdStart } from './fluentd-arguments.ts';

const words = fc.constantFrom(
  '-c',
  '/a.conf',
  '--config=/b',
  '-vq',
  '-vc',
  '-qq',
  '--',
  '-',
  '--no-supervisor',
  '-p',
  '=',
  '--__proto__',
  '--constructor=1',
  '--workers',
  '2',
  '-I',
  '--no-verbose',
);

test('any words are a start in Fluentd’s place, or said to be none', () => {
  const text = fc.oneof(
    fc.array(fc.oneof(words, fc.string())).map((list) => list.join(' ')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(
      fc.record({ FLUENTD_ARGS: text, FLUENT_ARGS: text, FLUENTD_OPT: text, FLUENTD_CONF: fc.string() }),
      (env) => {
        try {
          const start = fluentdStart(env, () => false);
          if (start) assert.ok(start.configPath.length > 0);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          assert.ok(error.problems.every(({ text: said }) => said.startsWith('FLUENT')));
        }
      },
    ),
    fuzzRuns(2000),
  );
});
