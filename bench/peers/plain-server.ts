/**
 * The plain server that post2log is measured against: `node:http`, no framework, the record appended to a file that is
 * never synced. It parses the body and adds the fields that post2log adds, and promises nothing.
 * Usage: node plain-server.ts PORT FILE
 */
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const [port, path] = process.argv.slice(2);
const file = createWriteStream(path as string, { flags: 'a' });
const nodeName = hostname();
const workerProcId = String(process.pid);

function record(url: string, body: string): string {
  const at = url.indexOf('?');
  const query = at < 0 ? {} : Object.fromEntries(new URLSearchParams(url.slice(at + 1)));
  const nowMs = Date.now();
  return JSON.stringify({
    ...query,
    ...(JSON.parse(body) as object),
    _path: at < 0 ? url : url.slice(0, at),
    _postTimestamp: nowMs,
    _postDatetimeGMT: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    _nodeName: nodeName,
    _workerProcId: workerProcId,
  });
}

createServer((request, response) => {
  if (request.method !== 'POST') {
    response.end('ok');
    return;
  }
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length });
      response.end(text);
    };
    try {
      file.write(
        `${record(request.url ?? '/', (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString())}\n`,
      );
    } catch {
      answer(400, '{"detail":"Bad Request"}');
      return;
    }
    answer(200, '{"status":"success"}');
  });
}).listen(Number(port), '127.0.0.1');
