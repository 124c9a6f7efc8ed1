/**
 * `${tag}`, `${tag[1]}`, `${field}`, `${chunk_id}` and time formats in an output's options, filled from a chunk's keys.
 * Source: Fluentd 1.16 output.rb, extract_placeholders.
 */
import type { BufferModel } from '../config/model.ts';
import type { Chunk } from '../core/plugin.ts';
import { rubyParts } from './ruby.ts';
import { compileStrftime, parseZone } from './strftime.ts';

const tagMark = /\$\{tag(?:\[(-?\d+)\])?\}/g;
const fieldMark = /\$\{([-_.@$a-zA-Z0-9]+)\}/g;
const anyMark = new RegExp(`${tagMark.source}|${fieldMark.source}`, 'g');

/** Where the first placeholder for a tag or field stands, or -1. */
export function firstPlaceholderAt(template: string): number {
  return template.search(anyMark);
}

/** True where a tag stands in the template. */
export function hasTagPlaceholder(template: string): boolean {
  return new RegExp(tagMark).test(template);
}

/** Names of the fields in a template, `tag` and `chunk_id` among them. */
export function fieldPlaceholders(template: string): string[] {
  return [...template.matchAll(fieldMark)].map((found) => found[1] as string);
}

/** Checks that each placeholder for a tag or field has its chunk key. @throws Error naming the one that is wrong */
export function checkPlaceholderKeys(name: string, template: string, buffer: BufferModel): void {
  const keys = buffer.chunkKeys;
  if (hasTagPlaceholder(template) && !keys.includes('tag'))
    throw new Error(
      `${name} ${template} has tag placeholders, but chunk key tag is not configured: write <buffer tag>`,
    );
  for (const field of fieldPlaceholders(template))
    if (field !== 'tag' && field !== 'chunk_id' && !keys.includes(field))
      throw new Error(
        `${name} ${template} has \${${field}}, but chunk key ${field} is not configured: write <buffer ${field}>`,
      );
}

/** A template for a chunk, in two steps: `dated` has the time filled in, `text` the rest. */
export interface FilledText {
  readonly dated: string;
  readonly text: string;
}

/**
 * Compiles a template. `fill` may change what a placeholder is filled with. What stands in a tag or field is no
 * placeholder, and a `%` means a time only where the chunks are cut by time.
 */
export function compileChunkText(
  template: string,
  buffer: BufferModel,
  fill: (value: string) => string = (value) => value,
): (chunk: Chunk) => FilledText {
  const time = compileStrftime(
    template,
    buffer.timezone === undefined ? { kind: 'local' } : parseZone(buffer.timezone),
  );
  return (chunk) => {
    const dated = chunk.timekeySeconds === undefined ? template : time(chunk.timekeySeconds, 0);
    const { tag } = chunk;
    const parts = tag === undefined ? [] : rubyParts(tag);
    const text = dated.replaceAll(anyMark, (mark: string, index: string | undefined, field: string | undefined) => {
      if (field === undefined || field === 'tag') {
        if (tag === undefined) return mark;
        return fill(index === undefined ? tag : (parts.at(Number(index)) ?? ''));
      }
      if (field === 'chunk_id') return chunk.id;
      const value = chunk.fields.get(field);
      return value === undefined ? mark : fill(value);
    });
    return { dated, text };
  };
}
