/**
 * How Fluent Bit's configurations write a plugin: its name there, its properties, and what becomes of them. One
 * declaration beside the plugin's own; from it come the reading of `[INPUT]`, `[FILTER]` and `[OUTPUT]` sections, their
 * errors, and that program's half of the reference page. What Fluent Bit has for every plugin of a kind (`Tag`, `Match`,
 * `Alias`, `Retry_Limit`, `storage.*`, …) is read elsewhere and not declared here.
 */
import type { PairModel, PluginModel, SectionModel } from '../config/model.ts';
import type { Location } from './errors.ts';
import { boolean, choice, text, secret } from './options.ts';
import type { OptionTable, OptionValues } from './options.ts';

/** How an option of the plugin is written there. */
export interface FluentbitOption {
  /** Its spellings, preferred one first; compared without case. Default: what the option says, else its name as Snake_Case. */
  readonly name?: string | readonly string[];
  /** Its default there, as a value of the option, where it is not the option's own. */
  readonly default?: unknown;
  /** Fluent Bit writes durations in seconds (`5`, `5s`, `1m`); `ms`: this one as a plain number of milliseconds. */
  readonly unit?: 'ms';
}

/** What `lower` gets. `P`: the form's own properties. */
export interface FluentbitWritten<P extends OptionTable = OptionTable> {
  /** Checked values of `properties`, defaults filled in. */
  readonly properties: OptionValues<P>;
  /** Checked values of the plugin's options, Fluent Bit's defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The properties of `repeated`, in the order in which they are written; their keys in lower case. */
  readonly pairs: readonly PairModel[];
  /** What Fluent Bit calls the instance, without its Alias: `tail.0`. */
  readonly instance: string;
  /** An input's Tag, where one is written. */
  readonly tag: string | undefined;
  /** Where the section begins. */
  readonly at: Location;
  /** Whether an option or property (by its name in code) stands in the configuration, and where its value begins. */
  readonly written: (name: string) => Location | undefined;
  /** The parser that `[PARSER]` or `parsers` defines under the name; undefined after reporting that there is none. */
  readonly parser: (name: string, at: Location) => PluginModel | undefined;
  /** The rules of a multiline parser, built in or defined; undefined after reporting that there is none. */
  readonly multilineParser: (name: string, at: Location) => PluginModel | undefined;
  /** All parsers that are defined, by name; those that had errors are left out. */
  readonly parsers: ReadonlyMap<string, PluginModel>;
  /** The servers that an `Upstream` names; undefined after reporting what is wrong. */
  readonly upstream: (name: string, at: Location) => readonly FluentbitNode[] | undefined;
  /** Bytes of the longest record that multiline parsers join, as `[SERVICE]` says. */
  readonly joinedBytesMax: number;
  readonly error: (at: Location, problem: string) => void;
  readonly warn: (at: Location, problem: string) => void;
}

/** A `[NODE]`: a server of an `Upstream`, its properties by key in lower case. */
export interface FluentbitNode {
  readonly at: Location;
  readonly values: ReadonlyMap<string, { readonly value: string; readonly at: Location }>;
}

/** What `lower` makes of it; each part goes before what was read. */
export interface FluentbitParts {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, readonly SectionModel[]>>;
  readonly parser?: PluginModel | undefined;
  /** Parsers that are tried one after the other. */
  readonly parsers?: readonly PluginModel[];
  /** Parsers that records ask for by name. */
  readonly namedParsers?: Readonly<Record<string, PluginModel>>;
  readonly formatter?: PluginModel | undefined;
  /** For outputs that cut chunks in a way of their own: chunk keys. Default: `tag`. */
  readonly chunkKeys?: readonly string[];
  /** Chunks are written as soon as the output is free, not every `Flush` seconds. */
  readonly isImmediate?: boolean;
}

export interface FluentbitForm<P extends OptionTable = OptionTable> {
  /** Names under which it knows the plugin, preferred one first; compared without case. Default: the plugin's name. */
  readonly names?: readonly string[];
  /** Options of the plugin (by name in code) that can be written there. Others keep their defaults and are unknown there. */
  readonly options?: Readonly<Record<string, FluentbitOption>>;
  /** Properties that are no option of the plugin: `lower` makes something of them. Spelled as Snake_Case, or as their `fluentbit` says. */
  readonly properties?: P;
  /** Properties that may be written more than once, by spelling in lower case, with a summary each. One that ends in `*` stands for all that begin so and are nothing else. */
  readonly repeated?: Readonly<Record<string, string>>;
  /** Properties that are taken and have no effect here, by spelling in lower case, with the reason. One that ends in `.*` stands for all that begin so. */
  readonly ignored?: Readonly<Record<string, string>>;
  /** Fluent Bit passes over a property that it does not know: a warning here, not an error. */
  readonly passesOver?: boolean;
  /** Turns what was read into the plugin's options, sections, parser and formatter. Pure. Problems go to `written.error`. */
  lower?(written: FluentbitWritten<P>): FluentbitParts;
  /** A runnable example for the reference page: sections of the classic form, without [SERVICE]. */
  readonly example?: string;
}

/** Declares a form; `lower` gets its properties typed. */
export function fluentbitForm<const P extends OptionTable>(form: FluentbitForm<P>): FluentbitForm {
  // Types of properties are erased here, as definePlugin does with options: values were checked against them.
  return form;
}

/** A model made inside a form: a formatter or parser with these options, its defaults filled in where it is made. */
export function madeModel(
  kind: 'parser' | 'formatter',
  type: string,
  options: Readonly<Record<string, unknown>>,
  at: Location,
): PluginModel {
  return { kind, type, options, sections: {}, at };
}

/** A section made inside a form. */
export function madeSection(
  options: Readonly<Record<string, unknown>>,
  at: Location,
  pairs: readonly PairModel[] = [],
): SectionModel {
  return { argument: '', options, pairs, at };
}

/** Fluent Bit's inputs listen on all addresses; here on loopback, unless `bind` is written. */
export function warnOfLoopback({ written, at, warn }: Pick<FluentbitWritten, 'written' | 'at' | 'warn'>): void {
  if (!written('bind'))
    warn(
      at,
      'listens on 127.0.0.1 alone, where Fluent Bit listens on all addresses; write Listen 0.0.0.0 to take records of other machines, or Listen 127.0.0.1',
    );
}

/** As Fluent Bit 5.1 writes versions of TLS; it knows older ones, which nobody should speak. */
const tlsNames = ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** `tls` and `tls.*` of outputs and inputs that speak TLS; spread them into `properties`. Source: Fluent Bit 5.1 flb_output.c, flb_input.c. */
export const tlsProperties = {
  tls: boolean('Speaks TLS.', { default: false, fluentbit: 'tls' }),
  tlsVerify: boolean('Whether the certificate of the other end is looked at.', {
    default: true,
    fluentbit: 'tls.verify',
  }),
  tlsVerifyHostname: boolean('Whether the certificate must name the host.', {
    default: false,
    fluentbit: 'tls.verify_hostname',
  }),
  tlsVhost: text('Host name for SNI and for the certificate.', { fluentbit: 'tls.vhost' }),
  tlsCaFile: text('PEM file with the certificates that the other end’s must come from.', { fluentbit: 'tls.ca_file' }),
  tlsCaPath: text('Directory of such files.', { fluentbit: 'tls.ca_path' }),
  tlsCrtFile: text('PEM file with the certificate to show.', { fluentbit: 'tls.crt_file' }),
  tlsKeyFile: text('PEM file with the private key of that certificate.', { fluentbit: 'tls.key_file' }),
  tlsKeyPasswd: secret('Passphrase of that key.', { fluentbit: 'tls.key_passwd' }),
  tlsMinVersion: choice(tlsNames)('The oldest version of TLS.', { fluentbit: 'tls.min_version' }),
  tlsMaxVersion: choice(tlsNames)('The newest version of TLS.', { fluentbit: 'tls.max_version' }),
  tlsCiphers: text('Ciphers of TLS 1.2 and before, as OpenSSL writes them.', { fluentbit: 'tls.ciphers' }),
} as const;

const clientsOnly = 'the certificate that is shown is tls.crt_file';
const {
  tlsVerify: _verify,
  tlsVerifyHostname: _hostname,
  tlsVhost: _vhost,
  tlsCaPath: _path,
  ...serverTls
} = tlsProperties;

/** The same of inputs, which listen. */
export const serverTlsProperties = {
  ...serverTls,
  tlsVerifyClientCert: boolean('Takes only clients that show a certificate of tls.ca_file.', {
    default: false,
    fluentbit: 'tls.verify_client_cert',
  }),
  tlsVerify: boolean('Whether the other end is looked at.', {
    fluentbit: 'tls.verify',
    ignored: 'whether clients must show a certificate says tls.verify_client_cert',
  }),
  tlsVerifyHostname: boolean('Whether its certificate must name the host.', {
    fluentbit: 'tls.verify_hostname',
    ignored: clientsOnly,
  }),
  tlsVhost: text('Host name for SNI.', { fluentbit: 'tls.vhost', ignored: clientsOnly }),
  tlsCaPath: text('Directory with certificates.', {
    fluentbit: 'tls.ca_path',
    ignored: 'those that client certificates must come from are in tls.ca_file',
  }),
} as const;

/**
 * Splits a value at blanks. A word in `"…"` or `'…'` keeps its blanks, and knows its quote and the backslash behind a
 * backslash; a quote inside a word is a character like others. With `max` what stands behind that many words is one more
 * entry, as it is: `key (a|b) c` with max 1 is `key` and `(a|b) c`. Undefined: a quote that is never closed. Source:
 * Fluent Bit 5.1 flb_utils_split_quoted; `isQuoted` false: flb_utils_split, which knows no quotes.
 */
export function fluentbitWords(
  value: string,
  { max = Number.POSITIVE_INFINITY, isQuoted = true }: { readonly max?: number; readonly isQuoted?: boolean } = {},
): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    if (words.length >= max) return at < value.length ? [...words, value.slice(at)] : words;
    while (value[at] === ' ') at++;
    if (at >= value.length) return words;
    const word = isQuoted && /["']/.test(value[at] ?? '') ? quotedWord(value, at) : plainWord(value, at);
    if (!word) return undefined;
    words.push(word.text);
    // Behind the blank, or behind the closing quote.
    at = word.end + 1;
  }
}

interface Word {
  readonly text: string;
  /** Index of the blank or quote that ends it. */
  readonly end: number;
}

function plainWord(value: string, at: number): Word {
  const blank = value.indexOf(' ', at);
  const end = blank < 0 ? value.length : blank;
  return { text: value.slice(at, end), end };
}

function quotedWord(value: string, at: number): Word | undefined {
  const quote = value[at];
  let text = '';
  for (let i = at + 1; i < value.length; i++) {
    const char = value[i] as string;
    if (char === quote) return { text, end: i };
    const next = value[i + 1];
    if (char === '\\' && (next === quote || next === '\\')) i++;
    text += value[i];
  }
  return undefined;
}
