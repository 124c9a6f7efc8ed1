/** Reads Prometheus text, as the program writes it itself. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples that have labels. */
export function readSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', written = '', value = ''] = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (name === '') return [];
    const labels = Object.fromEntries(
      [...written.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', label = '']) => [key, unescaped(label)]),
    );
    return [{ name, labels, value: Number(value) }];
  });
}

/** The sum of a metric's samples that have these labels, among others. */
export function sumOf(samples: readonly Sample[], metric: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels);
  return samples
    .filter((sample) => sample.name === metric && wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

function unescaped(label: string): string {
  return label.replaceAll(/\\(.)/g, (_whole, char: string) => (char === 'n' ? '\n' : char));
}
