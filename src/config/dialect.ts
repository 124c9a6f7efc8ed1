/** Tells by its content which program's configuration a text is. */

export type Dialect = 'fluentd' | 'fluentbit-classic' | 'fluentbit-yaml';

/** The dialect of a configuration text. Text that looks like nothing in particular counts as Fluentd's, or as YAML by its file's name. */
export function dialectOf(text: string, path = ''): Dialect {
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    if (/^<\/?[a-zA-Z]/.test(trimmed) || /^@include\s/.test(trimmed)) return 'fluentd';
    if (/^\[[A-Za-z_]+\]$/.test(trimmed) || /^@(?:INCLUDE|SET)\s/.test(trimmed)) return 'fluentbit-classic';
    if (
      trimmed === '---' ||
      /^(?:service|pipeline|parsers|multiline_parsers|includes|env|upstream_servers|plugins|stream_processor|customs|extensions)\s*:/.test(
        line,
      )
    )
      return 'fluentbit-yaml';
  }
  return /\.ya?ml$/i.test(path) ? 'fluentbit-yaml' : 'fluentd';
}

/** What to say where a text is a Kubernetes manifest, as kubectl prints it, and no configuration; undefined: it is none. */
export function manifestProblem(text: string): string | undefined {
  const first = text.split(/\r\n|\r|\n/).find((line) => !/^\s*(?:#.*|---\s*)?$/.test(line)) ?? '';
  const kind = /^\s*kind:[ \t]*(\w+)/m.exec(text)?.[1];
  if (!/^\s*(?:apiVersion|kind|metadata|data):/.test(first) || kind === undefined || !/^\s*apiVersion:/m.test(text))
    return undefined;
  const keys = Array.from(text.matchAll(/^[ \t]+["']?([\w.-]+)["']?:[ \t]*[|>]/gm), ([, key = '']) => key);
  const name = /^\s*metadata:[\s\S]*?^\s+name:[ \t]*["']?([\w.-]+)/m.exec(text)?.[1] ?? 'NAME';
  const path = (keys[0] ?? 'KEY').replaceAll('.', String.raw`\.`);
  const where = keys.length === 0 ? 'its data' : `its ${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')}`;
  return (
    `this is a ${kind} of Kubernetes, and a configuration was expected: it stands under ${where}; ` +
    `kubectl get ${kind.toLowerCase()} ${name} -o jsonpath='{.data.${path}}' prints it`
  );
}
