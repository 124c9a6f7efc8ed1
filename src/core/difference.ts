/** Where this program does something else than the one whose configurations it runs. Declared beside what differs; `check` and docs/compatibility.md are made from it. */

/** Programs whose configurations run here. */
export type Peer = 'fluentd' | 'fluentbit';

/**
 * `better`: what the peer loses, corrupts or leaves unsaid is kept or said here; `different`: another way, nothing lost
 * by it; `unsupported`: the peer has it, this version has not.
 */
export type Verdict = 'better' | 'different' | 'unsupported';

/** One difference of a plugin. */
export interface Difference {
  readonly peer: Peer;
  /** Default: `different`. */
  readonly verdict?: Verdict;
  /** What the peer does, then what is done here, as sentences: `Answers 200 to broken JSON and drops it. Here: 400, which names the position.` */
  readonly text: string;
  /** Options it is about, by their names in code (of the plugin or its sections): `check` tells it where one of them is written. None: it is about the plugin. */
  readonly options?: readonly string[];
}
