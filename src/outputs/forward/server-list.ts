/**
 * Servers in a file, as Fluentd's sd_file reads them: a list of maps with host, port, name, weight, standby, username,
 * password, shared_key, in JSON or in that part of YAML that such a list needs: `- key: value` with plain or quoted values.
 */
import type { ServerModel } from './server-node.ts';

const defaultWeight = 60;
const known = new Set(['host', 'port', 'name', 'weight', 'standby', 'username', 'password', 'shared_key']);

type Scalar = string | number | boolean | null;
type Entry = ReadonlyMap<string, Scalar>;

/** @throws Error that says what is wrong where */
export function parseServerList(text: string, isJson: boolean): ServerModel[] {
  const entries = isJson ? parseJsonList(text) : parseYamlList(text);
  return entries.map((entry, i) => {
    const where = `server ${i + 1}`;
    for (const key of entry.keys())
      if (!known.has(key)) throw new Error(`${where}: ${key} is none of ${[...known].join(', ')}`);
    const host = entry.get('host');
    const port = Number(entry.get('port') ?? Number.NaN);
    const weight = Number(entry.get('weight') ?? defaultWeight);
    if (typeof host !== 'string' || host === '') throw new Error(`${where} has no host`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`${where} has no port between 1 and 65535`);
    if (!Number.isInteger(weight) || weight < 0) throw new Error(`${where}: weight is no whole number from 0`);
    return {
      host,
      port,
      name: textOf(entry.get('name')),
      weight,
      standby: entry.get('standby') === true || entry.get('standby') === 'true',
      sharedKey: textOf(entry.get('shared_key')),
      username: textOf(entry.get('username')) ?? '',
      password: textOf(entry.get('password')) ?? '',
    };
  });
}

function textOf(value: Scalar | undefined): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

function parseJsonList(text: string): Entry[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('a list of servers was expected');
  return list.map((one: unknown, i) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) throw new Error(`server ${i + 1} is no object`);
    const pairs = Object.entries(one as Record<string, unknown>);
    for (const [key, value] of pairs)
      if (typeof value === 'object' && value !== null) throw new Error(`server ${i + 1}: ${key} is no simple value`);
    return new Map(pairs as [string, Scalar][]);
  });
}

function parseYamlList(text: string): Entry[] {
  const entries: Map<string, Scalar>[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$|^(?:---|\.\.\.)\s*$/.test(line)) continue;
    const found = /^(\s*)(-\s+)?([A-Za-z_]+):(?:\s+(.*?))?\s*$/.exec(line);
    const [, , dash, key = '', value = ''] = found ?? [];
    if (dash !== undefined) entries.push(new Map());
    const entry = entries.at(-1);
    if (!found || !entry) throw new Error(`line ${index + 1}: "- key: value" or "key: value" was expected`);
    if (entry.has(key)) throw new Error(`line ${index + 1}: ${key} stands twice in one server`);
    entry.set(key, yamlScalar(value, index + 1));
  }
  return entries;
}

function yamlScalar(text: string, line: number): Scalar {
  const quoted = /^"((?:[^"\\]|\\["\\/])*)"(?:\s+#.*)?$/.exec(text);
  if (quoted) return (quoted[1] as string).replaceAll(/\\(.)/g, '$1');
  const single = /^'((?:[^']|'')*)'(?:\s+#.*)?$/.exec(text);
  if (single) return (single[1] as string).replaceAll("''", "'");
  const plain = text.replace(/(?:^|\s+)#.*$/, '');
  if (plain === '' || plain === '~' || plain === 'null') return null;
  if (/^[["'{&*!|>%@`]/.test(plain)) throw new Error(`line ${line}: only plain and quoted values are understood`);
  if (/^(?:true|false)$/.test(plain)) return plain === 'true';
  return /^\d+$/.test(plain) ? Number(plain) : plain;
}
