/**
 * How much of a file may be read in a time: read_bytes_limit_per_second, and the line limits of `<group>`, which the files
 * of a group share evenly. Source: Fluentd 1.16 in_tail.rb, in_tail/group_watch.rb.
 */
import type { SectionModel } from '../../config/model.ts';
import { compilePattern } from '../../codecs/onigmo.ts';
import type { Clock } from '../../core/clock.ts';
import { choice, duration, integer, map, pattern, text } from '../../core/options.ts';
import type { SectionSpec } from '../../core/plugin.ts';

/** A file with a limit is read in pieces of this size, so that a limit of a few lines is not missed by far. */
const limitedPieceBytes = 64 * 1024;
const secondMs = 1000;

/** The names of container logs on Kubernetes, as Fluentd has them by default. */
const containerPattern =
  '/^\\/var\\/log\\/containers\\/(?<podname>[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\/[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)_(?<namespace>[^_]+)_(?<container>.+)-(?<docker_id>[a-z0-9]{64})\\.log$/';

export const groupSection: SectionSpec = {
  summary: 'Limits how many lines are read of groups of files in a time.',
  options: {
    pattern: pattern('Takes names for groups out of a path, by named captures.', { default: containerPattern }),
    ratePeriod: duration('The time for which the limits are.', { default: 5000 }),
    overLimit: choice(['wait', 'divert'])(
      'What becomes of lines over a limit: they wait in their file, or go on at once under divert_tag, for a match of their own, such as one that keeps them in the store alone.',
      { default: 'wait' },
    ),
    divertTag: text('The tag of records over a limit; * in it stands for the one that they would have.', {
      default: 'throttled.*',
    }),
  },
  sections: {
    rule: {
      summary: 'A limit, and the files it is for.',
      isMany: true,
      isRequired: true,
      options: {
        match: map('Captures and the expressions they must match, as a JSON object; none: every file.', {
          default: {},
        }),
        limit: integer(-1)('Lines in rate_period for all files of the group together; -1: no limit.', { default: -1 }),
      },
    },
  },
};

interface Rule {
  readonly match: readonly (readonly [string, RegExp])[];
  readonly limit: number;
  readonly files: Set<string>;
}

export class Limits {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  readonly #pattern: RegExp | undefined;
  readonly #periodMs: number;
  readonly #rules: readonly Rule[];
  readonly #divertTag: string | undefined;

  /** @throws Error for an expression that is none. */
  constructor(clock: Clock, bytesPerSecond: number, group: SectionModel | undefined) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond > 0 ? Math.max(bytesPerSecond, limitedPieceBytes) : Number.POSITIVE_INFINITY;
    const { pattern: written, ratePeriod, overLimit, divertTag } = group?.options ?? {};
    this.#divertTag = overLimit === 'divert' && typeof divertTag === 'string' ? divertTag : undefined;
    this.#pattern = typeof written === 'string' ? compilePattern(written) : undefined;
    this.#periodMs = typeof ratePeriod === 'number' ? ratePeriod : 0;
    // A rule that names more captures goes before one that names fewer.
    this.#rules = (group?.sections?.['rule'] ?? []).map(ruleOf).toSorted((a, b) => b.match.length - a.match.length);
  }
  /** The allowance of a file; undefined: it may be read as fast as it comes. */
  of(path: string): Allowance | undefined {
    const captures = this.#pattern?.exec(path)?.groups ?? {};
    const rule = this.#rules.find(({ match }) => match.every(([name, test]) => test.test(captures[name] ?? '')));
    const isLimited = this.#bytesPerSecond < Number.POSITIVE_INFINITY || (rule !== undefined && rule.limit >= 0);
    if (!isLimited) return undefined;
    rule?.files.add(path);
    const bytes = { max: () => this.#bytesPerSecond, periodMs: secondMs };
    const lines = {
      max: () => (rule && rule.limit >= 0 ? rule.limit / rule.files.size : Number.POSITIVE_INFINITY),
      periodMs: this.#periodMs,
    };
    return new Allowance(this.#clock, { bytes, lines }, this.#divertTag, () => rule?.files.delete(path));
  }
}

function ruleOf({ options }: SectionModel): Rule {
  const { match, limit } = options as { match: Record<string, string>; limit: number };
  return {
    match: Object.entries(match).map(([name, text]) => [name, compilePattern(text)] as const),
    limit,
    files: new Set(),
  };
}

interface Window {
  readonly max: () => number;
  readonly periodMs: number;
}

interface Usage {
  readonly limit: Window;
  used: number;
  sinceMs: number;
}

/** What one file may still read. */
export class Allowance {
  readonly #clock: Clock;
  readonly #bytes: Usage;
  readonly #lines: Usage;
  readonly #divertTag: string | undefined;
  readonly close: () => void;

  /** `divertTag`: lines over the limit go on under it. */
  constructor(
    clock: Clock,
    limits: { readonly bytes: Window; readonly lines: Window },
    divertTag: string | undefined,
    close: () => void,
  ) {
    const unused = { used: 0, sinceMs: Number.NEGATIVE_INFINITY };
    this.#clock = clock;
    this.#bytes = { limit: limits.bytes, ...unused };
    this.#lines = { limit: limits.lines, ...unused };
    this.#divertTag = divertTag;
    this.close = close;
  }
  /** How many bytes may be read at once now; 0: none until the time is over. */
  bytesNow(): number {
    if (this.#isUsedUp(this.#bytes)) return 0;
    return this.#divertTag === undefined && this.#isUsedUp(this.#lines) ? 0 : limitedPieceBytes;
  }
  /** The tag of what is read now, in place of the file's own. */
  tagNow(tag: string): string {
    if (this.#divertTag === undefined || !this.#isUsedUp(this.#lines)) return tag;
    return this.#divertTag.replaceAll('*', () => tag);
  }
  used(bytes: number, lines: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [usage, count] of [
      [this.#bytes, bytes],
      [this.#lines, lines],
    ] as const) {
      if (usage.used === 0) usage.sinceMs = nowMs;
      usage.used += count;
    }
  }
  /** A limit that is used up holds until its time is over. */
  #isUsedUp(usage: Usage): boolean {
    const max = usage.limit.max();
    if (max === 0) return true;
    if (usage.used < max) return false;
    if (this.#clock.monotonicMs() - usage.sinceMs < usage.limit.periodMs) return true;
    usage.used = 0;
    return false;
  }
}
