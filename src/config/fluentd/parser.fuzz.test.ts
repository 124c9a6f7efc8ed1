/** Any text must give a tree and problems with places inside the text; what is quoted must come back as it was. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { describe as describeModel } from '../describe.ts';
import { isError } from '../../core/errors.ts';
import type { OptionKind } from '../../core/options.ts';
import { Registry } from '../../core/registry.ts';
import type { Section } from './element.ts';
import { lowerFluentd } from './lower.ts';
import { Lowering } from './lowering.ts';
import { parseFluentd } from './parser.ts';
import type { ParsedText } from './parser.ts';
import { testPlugins } from './test-plugins.ts';
import { readKind } from './values.ts';

const scope = { env: { X: 'ex' }, hostname: 'h', workerId: '0' };
const kinds: OptionKind[] = [
  'text',
  'secret',
  'integer',
  'number',
  'boolean',
  'duration',
  'bytes',
  'list',
  'map',
  'pattern',
];

/** Pieces of the language, so that random texts get past its first characters. */
const words =
  'match source filter label system worker store buffer record parse format inject secondary rule @type @id @label ' +
  '@include @X ** a.* /x/ stdout file copy relabel tail grep path tag key json 500ms 10mb 1 true time timekey ' +
  'flush_interval retry_limit pattern use_nil .upcase 値';
const signs = [' ', '\n', '\r\n', '\t', '\0', ' #', '#{', '||', "ENV['X']", 'ENV[', '</'];
const letters = '# " \' \\ { } [ ] ( ) < > , : + ?';
const lines = [
  '<match **>\n@type stdout\n',
  '</match>\n',
  '<source>\n@type tail\npath a\ntag b\n',
  '</source>\n',
  '<buffer>\n',
];
const pieces = fc.constantFrom(...words.split(' '), ...letters.split(' '), ...signs, ...lines);
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

function assertPlaces(text: string, problems: readonly { at: { line: number; column: number } | undefined }[]): void {
  const lines = text.split(/\r\n|\r|\n/);
  for (const { at } of problems) {
    assert.ok(at, 'a problem without place');
    assert.ok(at.line >= 1 && at.line <= lines.length, `line ${at.line} of ${lines.length}`);
    assert.ok(at.column >= 1 && at.column <= (lines[at.line - 1] ?? '').length + 2, `column ${at.column}`);
  }
}

/** Lowers what was parsed, and shows it. */
function assertLowers(text: string, parsed: ParsedText): void {
  if (parsed.isTorn) return;
  const registry = new Registry(testPlugins);
  const lowering = new Lowering(registry);
  const { model } = lowerFluentd(lowering, parsed.root);
  assertPlaces(text, lowering.problems);
  assert.deepEqual(JSON.parse(JSON.stringify(model)), model, 'a model is plain JSON');
  const isSound = [...parsed.problems, ...lowering.problems].every((problem) => !isError(problem));
  if (isSound) assert.ok(describeModel({ model, notes: lowering.notes, registry }).endsWith('\n'));
}

/** A configuration with something of everything in it; pieces of it are left out, doubled and moved. */
const whole = `<system>
  workers 2
  <log>
    format json
  </log>
</system>
<source>
  @type tail
  @id "#{ENV['X']}"
  @label @IN
  path /a/*.log, /b
  pos_file /p
  tag a.*
  <parse>
    @type json
    types {"a": "integer", # one
      "b": "float"}
  </parse>
</source>
<worker 0-1>
  <source>
    type sample
    tag 'it\\'s'
  </source>
</worker>
<filter a.{b,c}.** /x\\.y/>
  @type record_transformer
  <record>
    m "two
lines" # comment
    n \${tag}
  </record>
</filter>
<label @IN>
  <match **>
    @type copy
    <store>
      @type kafka2
      brokers a:1
      flush_interval 500ms
      <format>
        @type json
      </format>
    </store>
    <store ignore_error>
      @type relabel
      @label @ERROR
    </store>
  </match>
</label>
<label @ERROR>
  <match **>
    type file
    path /e
    buffer_type memory
    time_slice_format %Y%m%d
    <secondary>
      @type loki
      url http://h
    </secondary>
  </match>
</label>
`.split('\n');
const edits = fc.array(
  fc.record({
    at: fc.nat(whole.length),
    remove: fc.nat(2),
    insert: fc.oneof(fc.constant(undefined), pieces, fc.constantFrom(...whole)),
  }),
  { maxLength: 5 },
);
const edited = edits.map((list) => {
  const lines = [...whole];
  for (const { at, remove, insert } of list) lines.splice(at, remove, ...(insert === undefined ? [] : [insert]));
  return lines.join('\n');
});

describe('any text', () => {
  test('a configuration with pieces left out, doubled and moved parses, lowers and is shown without throwing', () => {
    fc.assert(
      fc.property(edited, (text) => {
        const parsed = parseFluentd(text, 'f.conf', scope);
        assertPlaces(text, parsed.problems);
        assertLowers(text, parsed);
      }),
      fuzzRuns(500, 3),
    );
    assert.deepEqual(parseFluentd(whole.join('\n'), 'f.conf', scope).problems.filter(isError), []);
  });
  test('parses and lowers without throwing; the same text twice gives the same', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseFluentd(text, 'f.conf', scope);
        assertPlaces(text, parsed.problems);
        assert.deepEqual(parseFluentd(text, 'f.conf', scope), parsed);
        assertLowers(text, parsed);
      }),
      fuzzRuns(3000, 3),
    );
  });
  test('reads as any kind without throwing', () => {
    const at = { file: 'f', line: 1, column: 1 };
    const kind = fc.constantFrom(...kinds);
    fc.assert(
      fc.property(kind, fc.oneof(texts, fc.json(), fc.stringMatching(/^[0-9.]{0,6}[smhdkgt]{0,2}$/)), (kind, text) => {
        const found = readKind(kind, { text, form: 'bare', unset: undefined, isBroken: false, at });
        assert.ok('value' in found !== 'problem' in found);
      }),
      fuzzRuns(3000, 3),
    );
  });
  test('the check of places would see a place outside', () =>
    assert.throws(() => assertPlaces('a\nb', [{ at: { line: 3, column: 1 } }]), /line 3 of 2/));
});

/** What is written, and what it must read as. */
const quoted = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\r', ''));
const writers: Readonly<Record<string, (text: string) => string>> = {
  double: (text) => `"${text.replaceAll(/[\\"#]/g, String.raw`\$&`)}"`,
  single: (text) => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
};

describe('what is written comes back', () => {
  for (const [name, write] of Object.entries(writers))
    test(`${name} quotes`, () => {
      fc.assert(
        fc.property(quoted, (text) => {
          const { root, problems } = parseFluentd(`k ${write(text)} # comment\nl 1`, 'f', scope);
          assert.deepEqual(problems, []);
          assert.deepEqual(
            root.attributes.map(({ key, value }) => [key, value.text]),
            [
              ['k', text],
              ['l', '1'],
            ],
          );
        }),
      );
    });
  test('JSON', () => {
    const value = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));
    fc.assert(
      fc.property(value, (value) => {
        const text = JSON.stringify(value, undefined, 1).replaceAll('#{', String.raw`\u0023{`);
        const { root, problems } = parseFluentd(`k ${text.replaceAll('\n', ' # comment\n')}`, 'f', scope);
        assert.deepEqual(problems, []);
        assert.deepEqual(JSON.parse(root.attributes[0]?.value.text ?? ''), JSON.parse(text));
      }),
    );
  });
  test('trees', () => {
    interface Tree {
      readonly name: string;
      readonly argument: string;
      readonly keys: Readonly<Record<string, string>>;
      readonly inner: readonly Tree[];
    }
    const word = fc.stringMatching(/^[a-z_]{1,6}$/);
    const level = (inner: fc.Arbitrary<readonly Tree[]>): fc.Arbitrary<Tree> =>
      fc.record({ name: word, argument: quoted, keys: fc.dictionary(word, quoted, { maxKeys: 3 }), inner });
    const below = (inner: fc.Arbitrary<Tree>) => fc.array(inner, { maxLength: 2 });
    const tree = level(below(level(below(level(below(level(fc.constant([]))))))));
    const double = writers['double'] as (text: string) => string;
    const written = (node: Tree): string =>
      `<${node.name} ${double(node.argument)}>\n${Object.entries(node.keys)
        .map(([key, text]) => `${key} ${double(text)}\n`)
        .join('')}${node.inner.map(written).join('')}</${node.name}>\n`;
    const plain = (section: Section): Tree => ({
      name: section.name,
      argument: section.argument,
      keys: Object.fromEntries(section.attributes.map(({ key, value }) => [key, value.text])),
      inner: section.sections.map(plain),
    });
    fc.assert(
      fc.property(tree, (node) => {
        const { root, problems } = parseFluentd(written(node), 'f', scope);
        assert.deepEqual(problems, []);
        // fast-check makes some objects without a prototype.
        assert.deepEqual(root.sections.map(plain), [JSON.parse(JSON.stringify(node))]);
      }),
    );
  });
});
