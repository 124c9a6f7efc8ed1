/** What server answers, and what it takes: Elasticsearch 5 to 9, OpenSearch 1 to 3. */

export interface Server {
  /** `unknown`: it did not say, or was not asked. */
  readonly kind: 'elasticsearch' | 'opensearch' | 'unknown';
  readonly major: number;
  /** As it says, for texts. */
  readonly version: string;
}

/** Reads the answer to `GET /`; undefined where it is none of such a server. */
export function readServer(answer: unknown): Server | undefined {
  if (typeof answer !== 'object' || answer === null || !('version' in answer)) return undefined;
  const { version } = answer;
  if (typeof version !== 'object' || version === null || !('number' in version)) return undefined;
  const { number } = version;
  const major = typeof number === 'string' ? /^(\d{1,3})(?:\.|$)/.exec(number)?.[1] : undefined;
  if (major === undefined) return undefined;
  const isOpensearch = 'distribution' in version && version.distribution === 'opensearch';
  return { kind: isOpensearch ? 'opensearch' : 'elasticsearch', major: Number(major), version: String(number) };
}

/** False where `_type` is an error: Elasticsearch since 8, OpenSearch since 2. */
export function takesTypes({ kind, major }: Server): boolean {
  return kind === 'opensearch' ? major < 2 : major < 8;
}

/** The version of Elasticsearch whose mappings and bulk lines it takes. OpenSearch 1 is Elasticsearch 7.10. */
export function elasticMajor({ kind, major }: Server): number {
  return kind === 'opensearch' ? (major < 2 ? 7 : 8) : major;
}
