import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JoinTrial } from '../join-fixture.ts';
import { detectExceptionsJoin } from './index.ts';

const trial = (options: Record<string, unknown> = {}) =>
  new JoinTrial(detectExceptionsJoin, { removeTagPrefix: 'raw', ...options });

const java = `Jul 09, 2015 3:23:29 PM com.google.devtools.search.cloud.feeder.MakeLog: RuntimeException: Run from this message!
  at com.my.app.Object.do$a1(MakeLog.java:50)
  at java.lang.Thing.call(Thing.java:10)
Caused by: com.my.app.Other: nested
  at com.my.app.Object.run(Object.java:7)
  ... 12 more`;
const python = `Traceback (most recent call last):
  File "/base/data/home/x.py", line 1535, in __call__
    rv = self.handle_exception(request, response, e)
  File "/base/data/home/y.py", line 1529
    rv = self.router.dispatch(request, response)
Exception: ('spam', 'eggs')`;
const go = `panic: my panic

goroutine 4 [running]:
panic(0x45cb40, 0x47ad70)
	/usr/local/go/src/runtime/panic.go:542 +0x46c fp=0xc42003f7b8 sp=0xc42003f710 pc=0x422f7c
main.main.func1(0xc420024120)
	foo.go:6 +0x39 fp=0xc42003f7d8 sp=0xc42003f7b8 pc=0x451339
created by main.main
	foo.go:5 +0x58`;
const ruby = `NoMethodError (undefined method 'x' for nil:NilClass):
  app/controllers/books.rb:69:in \`recursivewordload'
  app/controllers/books.rb:75:in \`loadword'`;
const php = `PHP Fatal error: Uncaught exception 'Exception' with message 'x' in /app/x.php:5
Stack trace:
#0 /app/y.php(20): f()
#1 {main}
  thrown in /app/x.php on line 5`;
const dart = `Unhandled exception:
Instance of 'MyError'
#0      printError (file:///app/errors.dart:42:13)
#1      main (file:///app/errors.dart:70:3)
<asynchronous suspension>`;

for (const [language, trace] of Object.entries({ java, python, go, ruby, php, dart }))
  test(`a trace of ${language} becomes one record, what stands around it stays`, () => {
    const lines = trace.split('\n').map((line) => `${line}\n`);
    for (const languages of [[language], []]) {
      const joined = trial({ languages });
      joined.add({ log: 'before' }, 'raw.app');
      for (const log of lines) joined.add({ log, n: 1 }, 'raw.app');
      joined.add({ log: 'after' }, 'raw.app').finish();
      const found = joined.given.map(({ result }) => result);
      assert.deepEqual(
        found.map(({ tag, fields }) => [tag, (fields as { log: string }).log]),
        [
          ['app', 'before'],
          ['app', `${trace}\n`],
          ['app', 'after'],
        ],
      );
      assert.equal(found[1]?.time.seconds, 1);
    }
  });

test('streams are apart, lines get breaks where they have none, a record without text stays itself', () => {
  const joined = trial({ languages: ['java'], stream: 's', message: 'm', forceLineBreaks: true });
  joined.add({ m: 'Error:', s: 'a' }).add({ m: 'Error:', s: 'b' }).add({ m: ' at x', s: 'a' }).add({ s: 'a', n: 1 });
  assert.deepEqual(joined.take(), [
    [[0, 2], { m: 'Error:\n at x', s: 'a' }],
    [[3], { s: 'a', n: 1 }],
  ]);
  assert.deepEqual(joined.finish().take(), [[[1], { m: 'Error:', s: 'b' }]]);
});

test('a trace is given on when it is long, large, or waits', () => {
  const lines = trial({ languages: ['java'], maxLines: 2 });
  lines.add({ log: 'Error:' }).add({ log: ' at x' }).add({ log: ' at y' });
  assert.deepEqual(lines.take(), [
    [[0, 1], { log: 'Error: at x' }],
    [[2], { log: ' at y' }],
  ]);
  const bytes = trial({ languages: ['java'], maxBytes: 10 });
  bytes.add({ log: 'Error:' }).add({ log: ' at x' });
  assert.deepEqual(bytes.take(), [
    [[0], { log: 'Error:' }],
    [[1], { log: ' at x' }],
  ]);
  const waiting = trial({ multilineFlushInterval: 2000 });
  waiting.add({ log: 'Error:' }).pass(1500).add({ log: ' at x' }).pass(500);
  assert.deepEqual(waiting.take(), [[[0, 1], { log: 'Error: at x' }]]);
});

test('one trace behind the other', () => {
  const joined = trial();
  joined.add({ message: 'Error:' }, 'x').add({ message: ' at a' }, 'x').add({ message: 'Error:' }, 'x').finish();
  assert.deepEqual(joined.take(), [
    [[0, 1], { message: 'Error: at a' }],
    [[2], { message: 'Error:' }],
  ]);
});

test('a language that is not known is said', () => {
  assert.throws(() => trial({ languages: ['cobol'] }), /Unknown language: cobol \(there are all, csharp, dart/);
});
