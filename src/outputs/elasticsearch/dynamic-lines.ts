/** Lines of elasticsearch_dynamic: options with expressions, evaluated for each record. Source: fluent-plugin-elasticsearch 6.0, out_elasticsearch_dynamic.rb. */
import { runLimited, timeLimitMsDefault } from '../../codecs/time-limit.ts';
import type { Accessor } from '../../core/accessor.ts';
import type { Clock } from '../../core/clock.ts';
import type { ChunkBatch } from '../../core/plugin.ts';
import { ExpressionFailure, compileExpression, expressionText, newFrame } from '../../ruby/expression.ts';
import type { Expression } from '../../ruby/expression.ts';
import type { Frame } from '../../ruby/frame.ts';
import { floatOf } from '../../ruby/values.ts';
import type { RubyValue } from '../../ruby/values.ts';
import { FluentdLines } from './fluentd-lines.ts';
import type { LinesContext, Names } from './fluentd-lines.ts';
import type { Placed } from './lines.ts';
import { accessorOf, writeOperations } from './settings.ts';
import type { DocumentSettings, Meaning, WrittenDocuments } from './settings.ts';
import { ZonedFormat } from './timestamps.ts';

/** Options that may hold expressions. */
const names = [
  'indexName',
  'logstashPrefix',
  'logstashDateformat',
  'timeKey',
  'tagKey',
  'typeName',
  'idKey',
  'parentKey',
  'routingKey',
  'writeOperation',
] as const;
type Name = (typeof names)[number];
type Texts = Readonly<Partial<Record<Name, string>>>;

export interface WrittenDynamic extends WrittenDocuments {
  readonly delimiter: string;
}
interface Named {
  readonly indexRetention: number | undefined;
  readonly kubernetesTemplate: boolean;
}
interface Part {
  readonly name: Name;
  /** Undefined: the text as it is. */
  readonly expression: Expression | undefined;
  readonly text: string;
}

/** What compiled texts are kept of: names come from records. */
const keptMax = 1000;

/** @throws Error for the first expression that is not taken */
export function checkDynamic(written: WrittenDynamic & Named): void {
  const { indexRetention, kubernetesTemplate, indexName, logstashPrefix } = written;
  if ((indexRetention !== undefined || kubernetesTemplate) && `${indexName}${logstashPrefix}`.includes('${'))
    throw new Error('index_retention and kubernetes_template need names of indices without expressions');
  for (const { name, text, expression } of partsOf(written)) {
    const findings = expression ? compileExpression(text, false).findings : [];
    const finding = findings.find(({ severity }) => severity === 'error');
    if (finding) throw new Error(`${name}: in ${text}: ${finding.text}`);
  }
}

function partsOf(written: WrittenDynamic): Part[] {
  return names.flatMap((name) => {
    const text = written[name];
    if (text === undefined) return [];
    const isFixed = !/\$\{.+\}/s.test(text);
    return [{ name, text, expression: isFixed ? undefined : compileExpression(text, false).expression }];
  });
}

export class DynamicLines extends FluentdLines {
  readonly #parts: readonly Part[];
  readonly #delimiter: string;
  readonly #separator: string;
  readonly #mayTakeLong: boolean;
  readonly #frame: Frame;
  readonly #dates = new Map<string, ZonedFormat>();
  readonly #accessors = new Map<string, Accessor>();
  #one: ChunkBatch | undefined;
  #row = 0;

  constructor(written: WrittenDynamic, settings: DocumentSettings, context: LinesContext) {
    super(settings, context);
    this.#parts = partsOf(written);
    this.#delimiter = written.delimiter;
    this.#separator = written.logstashPrefixSeparator;
    this.#mayTakeLong = this.#parts.some(({ expression }) => expression?.mayTakeLong === true);
    const nothing = { tag: '', time: null, record: null, tag_parts: [], tag_prefix: [], tag_suffix: [], hostname: '' };
    this.#frame = newFrame(
      receiptClock(() => this.#one?.batch.block.parts.appendMs ?? 0),
      nothing,
    );
    this.#frame.inputs.hostname = this.#frame.around.hostname;
    this.#frame.identify = () => this.#one?.emissionId(this.#row) ?? '';
  }

  override place(one: ChunkBatch, row: number): Placed | { readonly refused: string } {
    this.moveTo(one, row);
    this.#one = one;
    this.#row = row;
    let texts: Texts | { readonly refused: string };
    try {
      texts = this.#evaluated(one, row);
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      return { refused: error.message };
    }
    if ('refused' in texts) return texts;
    const meaning = this.#meaning(texts);
    if (!writeOperations.includes(meaning.writeOperation))
      return { refused: `its write_operation ${JSON.stringify(meaning.writeOperation)} is none` };
    return this.placeFields(one, row, meaning, this.#names(texts));
  }

  #evaluated(one: ChunkBatch, row: number): Texts | { readonly refused: string } {
    const { batch } = one;
    const { inputs } = this.#frame;
    const [seconds, nanos] = [batch.seconds(row), batch.nanos(row)];
    inputs.tag = batch.tag;
    inputs.tag_parts = batch.tag.split(this.#delimiter);
    inputs.time = nanos === 0 ? seconds : floatOf(seconds + nanos / 1e9);
    inputs.record = batch.fields(row) as RubyValue;
    if (!this.#mayTakeLong) return this.#texts();
    let texts: Texts | { readonly refused: string } = {};
    runLimited(
      1,
      timeLimitMsDefault,
      () => (texts = this.#texts()),
      () => (texts = { refused: `an option of it took longer than ${timeLimitMsDefault} ms` }),
    );
    return texts;
  }
  #texts(): Texts {
    this.#frame.begin();
    return Object.fromEntries(
      this.#parts.map(({ name, text, expression }) => [
        name,
        expression ? expressionText(expression.run(this.#frame)) : text,
      ]),
    );
  }
  #meaning({ timeKey, tagKey, idKey, parentKey, routingKey, writeOperation }: Texts): Meaning {
    const { settings } = this;
    return {
      ...settings,
      timeKey,
      tagKey: tagKey ?? settings.tagKey,
      idKey: this.#accessor(idKey),
      parentKey: this.#accessor(parentKey),
      routingKey: this.#accessor(routingKey),
      writeOperation: writeOperation ?? settings.writeOperation,
    };
  }
  #names({ indexName = '', logstashPrefix = '', logstashDateformat = '', typeName = '' }: Texts): Names {
    const date = kept(this.#dates, logstashDateformat, (format) => new ZonedFormat(format));
    return { indexName, logstashPrefix: `${logstashPrefix}${this.#separator}`, date, typeName, pipeline: '' };
  }
  #accessor(key: string | undefined): Accessor | undefined {
    if (key === undefined || key === '') return undefined;
    return kept(this.#accessors, key, (text) => accessorOf(text) as Accessor);
  }
}

function kept<T>(known: Map<string, T>, key: string, make: (key: string) => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= keptMax) known.clear();
  const made = make(key);
  known.set(key, made);
  return made;
}

/** A clock that tells when the record was received, so that an expression gives the same again. */
function receiptClock(nowMs: () => number): Clock {
  return {
    nowMs,
    now: () => ({ seconds: Math.floor(nowMs() / 1000), nanos: (nowMs() % 1000) * 1e6 }),
    monotonicMs: nowMs,
    after: () => ({ cancel: () => undefined }),
  };
}
