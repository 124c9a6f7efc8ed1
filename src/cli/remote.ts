/** Asks the running program over the Unix socket in its data directory. */
import { join, resolve } from 'node:path';
import { http } from '../core/node-http.ts';
import { OperatingError, errorText } from '../core/errors.ts';

/** Longest wait for an answer: a drop or replay of many records is the slowest call. */
const timeoutMs = 60_000;
/** Largest answer taken into memory. */
const answerBytesMax = 256 * 1024 * 1024;

/** The socket that admin/server.ts listens on. */
export function socketPath(dataDirectory: string): string {
  return join(resolve(dataDirectory), 'post2log.sock');
}

/** One call; the answer's JSON. @throws OperatingError OUTPUT_UNREACHABLE when no program runs there, OUTPUT_REFUSED when it says no. */
export function askRunning(
  dataDirectory: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  parse: (text: string) => unknown = JSON.parse,
): Promise<unknown> {
  const where = `asking the program on data directory ${dataDirectory}`;
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = http.request(
      {
        socketPath: socketPath(dataDirectory),
        method,
        path,
        timeout: timeoutMs,
        headers: text === undefined ? {} : { 'content-type': 'application/json' },
      },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > answerBytesMax) answer.destroy(new Error(`the answer is larger than ${answerBytesMax} bytes`));
          parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const said = Buffer.concat(parts).toString('utf8');
          if ((answer.statusCode ?? 500) < 300) resolve(parse(said));
          else reject(new OperatingError('OUTPUT_REFUSED', `${where}: ${answer.statusCode} ${detailOf(said)}`));
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', (error) =>
      reject(
        new OperatingError(
          'OUTPUT_UNREACHABLE',
          `${where}: ${errorText(error)}; is it running? P2L_DATA_DIR or --data-dir names its directory`,
          { cause: error },
        ),
      ),
    );
    outgoing.end(text);
  });
}

/** The sentence in an answer that says no; the whole of one that has none. */
function detailOf(said: string): string {
  try {
    const { detail } = JSON.parse(said) as { detail?: unknown };
    return typeof detail === 'string' ? detail : said;
  } catch {
    return said;
  }
}
