/** Tells from the times of heartbeats whether a server is alive. Source: Fluentd 1.16 out_forward/failure_detector.rb. */

const phiFactor = 1 / Math.log(10);
/** Heartbeats remembered. */
const samplesMax = 1000;

export class FailureDetector {
  readonly #intervalMs: number;
  readonly #hardTimeoutMs: number;
  /** Gaps between heartbeats, oldest first. */
  #gaps: number[];
  #lastMs: number;

  constructor(intervalMs: number, hardTimeoutMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#hardTimeoutMs = hardTimeoutMs;
    this.#gaps = [intervalMs];
    this.#lastMs = nowMs;
  }
  get sampleCount(): number {
    return this.#gaps.length;
  }
  isHardTimeout(nowMs: number): boolean {
    return nowMs - this.#lastMs > this.#hardTimeoutMs;
  }
  add(nowMs: number): void {
    this.#gaps.push(this.#gaps.length === 0 ? this.#intervalMs : nowMs - this.#lastMs);
    if (this.#gaps.length > samplesMax) this.#gaps.shift();
    this.#lastMs = nowMs;
  }
  /** How unlikely it is that the next heartbeat is only late: the time since the last one against the usual gap. */
  phi(nowMs: number): number {
    if (this.#gaps.length === 0) return 0;
    let sum = 0;
    let weight = 0;
    // Later gaps count more.
    for (const [i, gap] of this.#gaps.entries()) {
      sum += gap * (i + 1);
      weight += i + 1;
    }
    const mean = (sum / weight - this.#intervalMs) / 1000 + 1;
    const since = (nowMs - this.#lastMs - this.#intervalMs) / 1000 + 1;
    return (phiFactor * since) / mean;
  }
  /** Forgets all; what comes next counts as a long time after the last. */
  clear(): void {
    this.#gaps = [];
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }
}
