/**
 * A data directory with gigabytes that wait for a file output, made once by the program itself: records are posted while
 * the output's directory cannot be made (a plain file is in its way). Kept and reused; what runs on it
 * gets a copy whose segments are hard links, which only ever get removed.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Post2log } from './post2log.ts';
import { rootDirectory } from './program.ts';
import { makeBody } from './scenarios/record-shape.ts';

/** Records in one posted body: some 400 kB of NDJSON. */
const bodyRecords = 2000;
const recordBytes = 200;
/** Requests under way at once: enough to keep the journal writing while bodies are parsed. */
const concurrent = 4;

/** The made directory: everything lies where the stored configuration expects it, so one path serves all runs. */
export class WaitingJournal {
  readonly records: number;
  readonly gigabytes: number;
  readonly workDirectory: string;
  readonly #base: string;
  readonly #bytesMax: number;

  private constructor(base: string, gigabytes: number, records: number) {
    this.#base = base;
    this.#bytesMax = Math.ceil(gigabytes * 4e9) + 1e9;
    this.gigabytes = gigabytes;
    this.records = records;
    this.workDirectory = join(base, 'work');
  }

  /** Makes it in `directory` unless it is there for this version of the disk format. */
  static async of(gigabytes: number, directory: string, say: (line: string) => void): Promise<WaitingJournal> {
    const name = `waiting-${gigabytes}g-`;
    const base = join(directory, `${name}${formatHash()}`);
    const recordsPath = join(base, 'records');
    if (existsSync(recordsPath)) return new WaitingJournal(base, gigabytes, Number(readFileSync(recordsPath, 'utf8')));
    mkdirSync(directory, { recursive: true });
    // An older format of the same size is of no use any more.
    for (const old of readdirSync(directory).filter((entry) => entry.startsWith(name)))
      rmSync(join(directory, old), { recursive: true, force: true });
    say(`writing ${gigabytes} GB of journal into ${base} (once)`);
    const records = await new WaitingJournal(base, gigabytes, 0).#make(say);
    writeFileSync(`${recordsPath}.new`, String(records));
    renameSync(`${recordsPath}.new`, recordsPath);
    return new WaitingJournal(base, gigabytes, records);
  }

  get outputDirectory(): string {
    return join(this.workDirectory, 'out');
  }
  /** A fresh copy with the output still blocked. */
  lay(): void {
    rmSync(this.workDirectory, { recursive: true, force: true });
    linkTree(join(this.#base, 'made'), this.workDirectory);
  }
  /** Lets the output write. */
  unblock(): void {
    rmSync(this.outputDirectory, { force: true });
  }
  /** Removes the copy. */
  clear(): void {
    rmSync(this.workDirectory, { recursive: true, force: true });
  }
  start(): Promise<Post2log> {
    const path = join(this.outputDirectory, 'records');
    const format = '<format>\n    @type json\n  </format>';
    const buffer = '<buffer>\n    flush_mode interval\n    flush_interval 1s\n  </buffer>';
    return Post2log.start({
      dataDirectory: join(this.workDirectory, 'data'),
      workDirectory: this.workDirectory,
      stdout: 'ignore',
      env: {
        P2L_DATA_LIMIT: String(this.#bytesMax),
        // The output cannot deliver when it is blocked: waiting longer for it at a stop would be in vain.
        P2L_GRACE: '200ms',
        P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  path ${path}\n  append true\n  ${format}\n  ${buffer}\n</match>`,
      },
    });
  }
  async #make(say: (line: string) => void): Promise<number> {
    mkdirSync(this.workDirectory, { recursive: true });
    writeFileSync(this.outputDirectory, 'in the way of the output directory\n');
    const post2log = await this.start();
    let records = 0;
    try {
      await post2log.ready;
      const wanted = this.gigabytes * 1e9;
      for (let bytes = 0, round = 0; bytes < wanted; round++) {
        await Promise.all(Array.from({ length: concurrent }, () => postRecords(post2log.url)));
        records += concurrent * bodyRecords;
        bytes = directoryBytes(join(this.workDirectory, 'data'));
        if (round % 500 === 0) say(`${(bytes / 1e9).toFixed(1)} GB, ${records} records`);
      }
    } finally {
      await post2log.program.stop(30_000);
    }
    renameSync(this.workDirectory, join(this.#base, 'made'));
    return records;
  }
}

const body = Buffer.concat(
  Array.from({ length: bodyRecords }, (_, n) => Buffer.concat([makeBody(n, recordBytes), Buffer.from('\n')])),
);

async function postRecords(url: string): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await fetch(`${url}/postback`, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`filling the journal: ${response.status} ${text}`);
}

/** Bytes of all files below a directory. */
export function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  return bytes;
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.name.endsWith('.seg')) linkSync(source, target);
    else if (entry.isFile()) copyFileSync(source, target);
  }
}

/** Changes when the code that writes the data directory changes: then what was made is made anew. */
function formatHash(): string {
  const hash = createHash('sha256');
  for (const room of ['journal', 'process', 'config'])
    for (const name of readdirSync(join(rootDirectory, 'src', room)).sort())
      if (name.endsWith('.ts') && !name.endsWith('.test.ts'))
        hash.update(readFileSync(join(rootDirectory, 'src', room, name)));
  return hash.digest('hex').slice(0, 8);
}
