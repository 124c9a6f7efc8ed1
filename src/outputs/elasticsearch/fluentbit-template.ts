/**
 * Fluent Bit's record accessor patterns: `$key`, `$key['a'][0]`, `$TAG`, `$TAG[1]`, and texts around them. Source: Fluent
 * Bit 5.1 flb_record_accessor.c, flb_ra_parser.y.
 */
import { rubyText } from '../../codecs/ruby.ts';
import { getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

export interface Template {
  /** With what is missing left out. */
  text(tag: string, fields: Fields): string;
  /** Of a pattern that is one accessor alone: the value, with its type; undefined where there is none. */
  value(tag: string, fields: Fields): Value | undefined;
}

type Piece = string | ((tag: string, fields: Fields) => Value | undefined);

// A name ends at what separates it from the text behind.
const accessor = /\$(?:(TAG)\[(\d+)\]|(TAG)(?![\w-])|([\w@-]+)((?:\[(?:'[^']*'|"[^"]*"|\d+)\])*))/g;
const subkey = /\[(?:'([^']*)'|"([^"]*)"|(\d+))\]/g;

export function compileTemplate(written: string): Template {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of written.matchAll(accessor)) {
    if (found.index > from) pieces.push(written.slice(from, found.index));
    pieces.push(pieceOf(found));
    from = found.index + found[0].length;
  }
  if (from < written.length) pieces.push(written.slice(from));
  const textOf = (tag: string, fields: Fields): string =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : textValue(piece(tag, fields)))).join('');
  const [only] = pieces;
  return {
    text: textOf,
    value: pieces.length === 1 && typeof only === 'function' ? only : textOf,
  };
}

/** Objects and arrays have no text there. */
function textValue(value: Value | undefined): string {
  return value === undefined || Array.isArray(value) || isFields(value) ? '' : rubyText(value);
}

function pieceOf([, , part, tag, key = '', subkeys = '']: readonly (string | undefined)[]): Exclude<Piece, string> {
  if (part !== undefined) return (own) => own.split('.')[Number(part)];
  if (tag !== undefined) return (own) => own;
  const steps = [...subkeys.matchAll(subkey)].map(([, single, double, index]) => single ?? double ?? Number(index));
  return (_tag, fields) => {
    let value = getField(fields, key);
    for (const step of steps) {
      if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
      else value = isFields(value) ? getField(value, step) : undefined;
    }
    return value;
  };
}
