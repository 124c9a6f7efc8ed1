/** What endpoints may ask of the running program: its counts, and the plugins that run. */

/** A plugin as Fluentd's monitor_agent tells of it. What is not known is left out. */
export interface PluginReport {
  readonly id: string;
  readonly category: 'input' | 'filter' | 'output';
  readonly type: string;
  /** Its options as they are written, secrets masked. */
  readonly config: Readonly<Record<string, string>>;
  /** Counts by Fluentd's name of each. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of outputs that try again: when they failed first, as far as known, and when the next try is. Wall time. */
  readonly retry?: { readonly startMs: number | undefined; readonly nextMs: number } | undefined;
}

export interface ProgramView {
  /** Prometheus text of all processes together. */
  metricsText(): Promise<string>;
  plugins(): Promise<readonly PluginReport[]>;
  /** Id of the output that a tag's records come to first. */
  outputOf(tag: string): string | undefined;
}
