/** What is said of lines that the parser does not take and that go on whole: once for each thing that they look like. */
import type { Log } from '../../core/log.ts';

/** How container runtimes write, and the parser that reads it: the most usual reason is a parser for another runtime. */
const runtimes = [
  {
    looks: /^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP](?: |$)/,
    written: 'as containerd and CRI-O write, and not as Docker does',
    mend: 'name a parser for CRI (cri) in place of docker',
  },
  {
    looks: /^\{"log":"/,
    written: 'as Docker writes, and not as containerd and CRI-O do',
    mend: 'name a parser for JSON (docker) in place of cri',
  },
] as const;
/** Enough of a line to see who wrote it. */
const headBytes = 80;

/** Tells of a line that does not parse. */
export type SayUnparsed = (path: string, line: Buffer) => void;

/** `key`: the field that gets such lines. */
export function unparsedWarnings(log: Pick<Log, 'warn'>, key: string): SayUnparsed {
  const said = new Set<string>();
  return (path, line) => {
    const head = line.subarray(0, headBytes).toString();
    const runtime = runtimes.find(({ looks }) => looks.test(head));
    const kind = runtime?.written ?? '';
    if (said.has(kind)) return;
    said.add(kind);
    log.warn(
      runtime
        ? `${path}: lines are written ${runtime.written}, so that the parser does not take them and each goes on whole, as ${key}; ${runtime.mend}.`
        : `${path}: the parser does not take a line, which goes on whole, as ${key}; this is said once. It begins with ${JSON.stringify(head)}.`,
    );
  };
}
