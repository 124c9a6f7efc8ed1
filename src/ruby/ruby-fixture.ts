/** What tests of expressions need: a record, and an expression run on it. Not used by the program. */
import { FakeClock } from '../core/clock.ts';
import { parseExact } from '../core/json.ts';
import type { Fields } from '../core/record.ts';
import { compileExpression, newFrame } from './expression.ts';
import type { Frame } from './frame.ts';
import { inspect } from './semantics.ts';
import { RubyTime } from './values.ts';

const json =
  '{"a":"Hello","n":5,"f":1.5,"code":"503","path":"/api/x","o":{"k":"v","list":[1,2,3]},"arr":[3,1,2],"log":"{\\"x\\":[1,2.0]}","z":null,"t":true}';

/** A frame over a record; `mutates` as a program that changes it needs. */
export function frameOf(record: Fields = JSON.parse(json) as Fields, seconds = 1_709_618_828): Frame {
  const frame = newFrame(new FakeClock(1_709_618_900_000), {
    tag: 'app.web.eu',
    time: new RubyTime(seconds, 123_456_789, { kind: 'local' }),
    record,
    tag_parts: ['app', 'web', 'eu'],
    tag_prefix: ['app', 'app.web', 'app.web.eu'],
    tag_suffix: ['app.web.eu', 'web.eu', 'eu'],
    hostname: 'host.example',
  });
  frame.identify = () => 'shard-1';
  frame.begin();
  return frame;
}

/** What code gives, as `inspect` prints it, or the exception's message. The record may be changed. */
export function ruby(code: string): string {
  const { expression, findings } = compileExpression(`\${${code}}`, true);
  const wrong = findings.find(({ severity }) => severity === 'error');
  if (wrong) return `error at ${wrong.at}: ${wrong.text}`;
  const frame = frameOf(expression.mutates ? parseExact(json) : undefined);
  frame.mutates = expression.mutates;
  try {
    return inspect(expression.run(frame));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message.replace(/^.* : error = /s, '! ');
  }
}
