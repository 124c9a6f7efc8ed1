/**
 * `fluentbit.io/…` annotations of pods: which parser their lines want, and whether they want to be left out, for all
 * containers or one, for both streams or one. Source: Fluent Bit 5.1 filter_kubernetes/kube_property.c.
 */
import { fieldEntries } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';

type Stream = 'stdout' | 'stderr';

/** What the annotations of a pod say for one container. */
export interface Wishes {
  readonly parser: Readonly<Partial<Record<Stream, string>>>;
  readonly exclude: Readonly<Partial<Record<Stream, boolean>>>;
}

export interface WishRules {
  readonly takesParser: boolean;
  readonly takesExclude: boolean;
  readonly hasParser: (name: string) => boolean;
  /** A wish that is not followed, and why. */
  readonly warn: (text: string) => void;
}

const prefix = 'fluentbit.io/';

export function wishesOf(annotations: Fields | undefined, container: string | undefined, rules: WishRules): Wishes {
  const parser: Partial<Record<Stream, string>> = {};
  const exclude: Partial<Record<Stream, boolean>> = {};
  for (const [key, value] of annotations ? fieldEntries(annotations) : []) {
    if (!key.startsWith(prefix) || key.length === prefix.length || typeof value !== 'string') continue;
    const wish = readWish(key.slice(prefix.length));
    if (typeof wish === 'string') {
      rules.warn(`annotation ${key}: ${wish}; it has no effect`);
      continue;
    }
    if (wish.container !== undefined && wish.container !== container) continue;
    const isAllowed = wish.kind === 'parser' ? rules.takesParser : rules.takesExclude;
    if (!isAllowed) {
      const option = wish.kind === 'parser' ? 'K8S-Logging.Parser' : 'K8S-Logging.Exclude';
      rules.warn(`annotation ${key}: ${option} is off, so it has no effect`);
      continue;
    }
    if (wish.kind === 'parser' && !rules.hasParser(value)) {
      rules.warn(`annotation ${key}: there is no parser ${value}; it has no effect`);
      continue;
    }
    for (const stream of wish.streams)
      // What is said of one container goes before what is said of all, wherever it stands.
      if (wish.kind === 'parser') {
        if (wish.container !== undefined || parser[stream] === undefined) parser[stream] = value;
      } else if (wish.container !== undefined || exclude[stream] === undefined) exclude[stream] = isTrue(value);
  }
  return { parser, exclude };
}

interface Wish {
  readonly kind: 'parser' | 'exclude';
  readonly streams: readonly Stream[];
  readonly container: string | undefined;
}

/** `parser_stdout-web`; a text says what is wrong. */
function readWish(text: string): Wish | string {
  const [, kind, rest = ''] = /^(parser|exclude)(.*)$/s.exec(text) ?? [];
  if (kind !== 'parser' && kind !== 'exclude') return 'it is not known';
  const [, stream, behind = ''] = /^(?:_(stdout|stderr))?(.*)$/s.exec(rest) ?? [];
  if (behind.startsWith('_')) return 'its stream is neither stdout nor stderr';
  if (behind !== '' && !behind.startsWith('-')) return 'it is not known';
  if (behind === '-') return 'it names no container';
  const streams: readonly Stream[] = stream === 'stdout' || stream === 'stderr' ? [stream] : ['stdout', 'stderr'];
  return { kind, streams, container: behind === '' ? undefined : behind.slice(1) };
}

function isTrue(value: string): boolean {
  return ['true', 'yes', 'on'].includes(value.toLowerCase());
}
