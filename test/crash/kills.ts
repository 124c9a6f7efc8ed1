/** What dies when: drawn from the seed before the run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootDirectory } from '../../bench/program.ts';
import { filesBelow } from './arrivals.ts';
import type { Random } from './random.ts';

export type Kill = { readonly delayMs: number } &
  /** All processes at once, while they serve. */
  (
    | { readonly kind: 'group' }
    /** All processes at once, while they start: the delay counts from the start. */
    | { readonly kind: 'starting' }
    /** Only the supervisor: the others must end by themselves. */
    | { readonly kind: 'supervisor' }
    /** One receiving process, or the delivering one; the supervisor starts it again. */
    | { readonly kind: 'receiver' }
    | { readonly kind: 'deliverer' }
    /** The process of the store, or it and the one that delivers at once; they are started again by their parents. */
    | { readonly kind: 'store' }
    | { readonly kind: 'store and deliverer' }
    /** The process kills itself when it passes a named point for the n-th time; after `delayMs` without that, the group dies. */
    | { readonly kind: 'point'; readonly at: string }
  );

/** Names given to crashPoint() anywhere in the program, but for outputs to other servers, which have crash tests of their own. */
export function namedPoints(): string[] {
  const names = new Set<string>();
  for (const path of filesBelow(join(rootDirectory, 'src'))) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts') || path.includes('/outputs/kafka/')) continue;
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/\bcrashPoint\(\s*'([^']+)'/g))
      names.add(name as string);
  }
  return [...names].sort();
}

/** How often a point is passed before it kills: points on every write are passed hundreds of times a second, others once. */
const passesMax = [1, 1, 1, 3, 30];

/** Plans `count` kills. With one worker there is one process besides the store's, which does not die alone. */
export function planKills(random: Random, count: number, workers: number, points: readonly string[]): Kill[] {
  const kinds: Kill['kind'][] = ['group', 'group', 'group', 'starting', 'store', 'store'];
  if (workers > 1)
    kinds.push('receiver', 'receiver', 'deliverer', 'deliverer', 'supervisor', 'store', 'store and deliverer');
  if (points.length > 0)
    kinds.push(...(workers > 1 ? (['point', 'point', 'point'] as const) : (['point', 'point'] as const)));
  let turn = random.between(0, Math.max(0, points.length - 1));
  return Array.from({ length: count }, (): Kill => {
    const kind = random.pick(kinds);
    if (kind === 'point') {
      // In turn, so that a short run also comes to all of them.
      const name = points[turn++ % points.length] as string;
      return { kind, at: `${name}:${random.between(1, random.pick(passesMax))}`, delayMs: 1200 };
    }
    if (kind === 'starting') return { kind, delayMs: random.between(1, 600) };
    return { kind, delayMs: random.isBelow(0.3) ? random.between(0, 30) : random.between(30, 400) };
  });
}
