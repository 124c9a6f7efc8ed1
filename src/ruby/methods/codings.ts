/** Digests and codings of text: `Digest`, `OpenSSL::HMAC`, `Base64`, `CGI`, `URI`. Source: Ruby 3.1. */
import { createHash, createHmac } from 'node:crypto';
import { LimitError, argumentError } from '../failures.ts';
import type { Method } from '../frame.ts';
import { hashEntries, needArray, needText, toText } from '../semantics.ts';
import { isHash } from '../values.ts';
import type { RubyHash, RubyValue } from '../values.ts';
import { method, option } from './functions.ts';
import type { Run } from './functions.ts';
import { parseUri } from './uri.ts';

const digests = { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' } as const;
function digestFunctions(): [string, Method][] {
  return Object.entries(digests).flatMap(([name, algorithm]): [string, Method][] => [
    [
      `Digest::${name}.hexdigest`,
      method(1, 1, ([text = null]) => createHash(algorithm).update(needText(text)).digest('hex')),
    ],
    [
      `Digest::${name}.base64digest`,
      method(1, 1, ([text = null]) => createHash(algorithm).update(needText(text)).digest('base64')),
    ],
  ]);
}
const hmac: Run = ([name = null, key = null, text = null]) => {
  const algorithm = Object.values(digests).find((one) => one === toText(name).toLowerCase().replaceAll('-', ''));
  if (!algorithm) throw new LimitError(`the digest ${toText(name)}`);
  return createHmac(algorithm, needText(key)).update(needText(text)).digest('hex');
};

function lines60(text: string): string {
  return text.replaceAll(/.{1,60}/g, '$&\n');
}
function fromBase64(text: string, isStrict: boolean, isUrl: boolean): string {
  if (
    isStrict &&
    !/^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?$/.test(
      isUrl ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text,
    )
  )
    throw argumentError('invalid base64');
  return Buffer.from(text, isUrl ? 'base64url' : 'base64').toString('utf8');
}

const htmlNames: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
function fromHtml(text: string): string {
  const names = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as Readonly<Record<string, string>>;
  return text.replaceAll(
    /&(?:#x([\da-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return names[name.toLowerCase()] ?? all;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
function formEscape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
function formUnescape(text: string): string {
  return percentDecoded(text.replaceAll('+', ' '));
}
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[\da-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
function formPairs(text: string): [string, string][] {
  return text
    .split(/[&;]/)
    .filter((part) => part !== '')
    .map((part) => {
      const [key = '', ...rest] = part.split('=');
      return [formUnescape(key), formUnescape(rest.join('='))];
    });
}
function formHash(text: string): RubyHash {
  const lists = new Map<string, string[]>();
  for (const [key, value] of formPairs(text)) lists.set(key, [...(lists.get(key) ?? []), value]);
  return new Map(lists);
}
function formText(value: RubyValue): string {
  const pairs = isHash(value) ? hashEntries(value) : needArray(value).map(needArray);
  return pairs.map(([key = null, one = null]) => `${formEscape(toText(key))}=${formEscape(toText(one))}`).join('&');
}

/** By `Name.function`. */
export const codingFunctions: [string, Method][] = [
  ...digestFunctions(),
  ['OpenSSL::HMAC.hexdigest', method(3, 3, hmac)],
  ['Base64.encode64', method(1, 1, ([text = null]) => lines60(Buffer.from(needText(text)).toString('base64')))],
  ['Base64.strict_encode64', method(1, 1, ([text = null]) => Buffer.from(needText(text)).toString('base64'))],
  [
    'Base64.urlsafe_encode64',
    method(1, 2, (args) => {
      const encoded = Buffer.from(needText(args[0] ?? null))
        .toString('base64')
        .replaceAll('+', '-')
        .replaceAll('/', '_');
      return option(args, 'padding') === false ? encoded.replaceAll('=', '') : encoded;
    }),
  ],
  ['Base64.decode64', method(1, 1, ([text = null]) => fromBase64(needText(text), false, false))],
  ['Base64.strict_decode64', method(1, 1, ([text = null]) => fromBase64(needText(text), true, false))],
  [
    'Base64.urlsafe_decode64',
    method(1, 1, ([text = null]) => fromBase64(needText(text).replaceAll('=', ''), true, true)),
  ],
  ['CGI.escape', method(1, 1, ([text = null]) => formEscape(needText(text)).replaceAll('%7E', '~'))],
  ['CGI.unescape', method(1, 1, ([text = null]) => formUnescape(needText(text)))],
  [
    'CGI.escapeHTML',
    method(1, 1, ([text = null]) => needText(text).replaceAll(/[&<>"']/g, (char) => htmlNames[char] ?? char)),
  ],
  ['CGI.unescapeHTML', method(1, 1, ([text = null]) => fromHtml(needText(text)))],
  ['CGI.parse', method(1, 1, ([text = null]) => formHash(needText(text)))],
  ['URI.parse', method(1, 1, ([text = null]) => parseUri(needText(text)))],
  ['URI.encode_www_form_component', method(1, 1, ([text = null]) => formEscape(toText(text)))],
  ['URI.decode_www_form_component', method(1, 1, ([text = null]) => formUnescape(needText(text)))],
  ['URI.decode_www_form', method(1, 1, ([text = null]) => formPairs(needText(text)))],
  ['URI.encode_www_form', method(1, 1, ([value = null]) => formText(value))],
];
