/** What of a record says where it goes: topic, key and partition, read without decoding records that cannot have a say. */
import type { Batch, Block } from '../../core/batch.ts';
import { codecs } from '../../core/batch.ts';
import { stringifyJson } from '../../core/json.ts';
import { getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { rubyText } from '../../codecs/ruby.ts';
import type { KafkaSettings } from './settings.ts';

/** What one record says; undefined: nothing, the defaults count. */
export interface RecordAddress {
  readonly topic: string | undefined;
  readonly key: Buffer | undefined;
  readonly partitionKey: Buffer | undefined;
  readonly partition: number | undefined;
}
export interface AddressProblem {
  readonly reason: string;
}

const says = { nothing: 1, perhaps: 2 } as const;
const escapeMark = Buffer.from(String.raw`\u`);

/** Reads addresses. Made once for an output. */
export class AddressReader {
  readonly #settings: KafkaSettings;
  readonly #fields: readonly string[];
  readonly #marks: readonly Buffer[];
  /** Names with characters that JSON may write in more than one way are looked for by decoding. */
  readonly #isPlain: boolean;
  readonly #blocks = new WeakMap<Block, number>();
  readonly #default: RecordAddress;

  constructor(settings: KafkaSettings) {
    const { topic, keyField, partitionKeyField, partitionField } = settings;
    const names = [topic.template === undefined ? topic.field : undefined, keyField, partitionKeyField, partitionField];
    this.#settings = settings;
    this.#fields = names.filter((name) => name !== undefined);
    this.#isPlain = this.#fields.every((name) => /^[\w.@$ -]+$/.test(name));
    this.#marks = this.#fields.map((name) => Buffer.from(`"${name}"`));
    this.#default = {
      topic: undefined,
      key: bytesOf(settings.defaultKey),
      partitionKey: bytesOf(settings.defaultPartitionKey),
      partition: settings.defaultPartition,
    };
  }
  /** True where no record of the batch can have a say: `read` gives the defaults for each of them. */
  isFixed(batch: Batch): boolean {
    if (this.#fields.length === 0) return true;
    const { block } = batch;
    if (!this.#isPlain || block.parts.codec !== codecs.json) return false;
    for (let row = 0; row < batch.count; row++) if (batch.isChanged(row)) return false;
    let known = this.#blocks.get(block);
    if (known === undefined) {
      known = block.pieces.some((bytes) => this.#mayName(bytes)) ? says.perhaps : says.nothing;
      this.#blocks.set(block, known);
    }
    return known === says.nothing;
  }
  get fixed(): RecordAddress {
    return this.#default;
  }
  read(batch: Batch, row: number): RecordAddress | AddressProblem {
    if (this.#fields.length === 0) return this.#default;
    const raw = this.#isPlain ? batch.rawJson(row) : undefined;
    if (raw && !this.#mayName(raw)) return this.#default;
    return this.#readFields(batch.fields(row));
  }
  #mayName(json: Buffer): boolean {
    return json.includes(escapeMark) || this.#marks.some((mark) => json.includes(mark));
  }
  #readFields(fields: Fields): RecordAddress | AddressProblem {
    const { topic, keyField, partitionKeyField, partitionField } = this.#settings;
    const value = (name: string | undefined): Value | undefined => {
      const found = name === undefined ? undefined : getField(fields, name);
      // Ruby's || takes null and false for absent.
      return found === null || found === false ? undefined : found;
    };
    const partition = value(partitionField);
    const number = partition === undefined ? this.#default.partition : partitionOf(partition);
    if (partition !== undefined && number === undefined)
      return { reason: `OUTPUT_REFUSED: field ${partitionField} is no partition: a whole number was expected` };
    const named = topic.template === undefined ? value(topic.field) : undefined;
    return {
      topic: named === undefined ? undefined : textOf(named),
      key: keyBytes(value(keyField)) ?? this.#default.key,
      partitionKey: keyBytes(value(partitionKeyField)) ?? this.#default.partitionKey,
      partition: number,
    };
  }
}

function partitionOf(value: Value): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined;
}

function bytesOf(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

/** A key or header as bytes: texts and bytes as they are, objects and arrays as JSON. */
export function keyBytes(value: Value | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Buffer.from(textOf(value));
}
function textOf(value: Value): string {
  return isFields(value) || Array.isArray(value) ? stringifyJson(value) : rubyText(value);
}

/** What is wrong with the name of a topic; undefined: nothing. Source: Kafka 4.1 Topic.validate. */
export function topicNameProblem(name: string): string | undefined {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return undefined;
  return `${JSON.stringify(name.slice(0, 64))} is no name of a topic: up to 249 letters, digits, dots, underscores and hyphens were expected`;
}
