/**
 * A proxy that stands before a server as AWS does before its own: requests whose signature is right are passed on, without
 * it, to the server behind; others are answered 403 in the words of AWS. Signatures are checked by signature-check.ts.
 */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { signatureProblem } from './signature-check.ts';
import type { KnownKeys, SignedRequest } from './signature-check.ts';

export interface ProxyRules {
  readonly keys: KnownKeys;
  readonly region: string;
  readonly service: string;
  readonly nowMs: () => number;
}

export interface VerifyingProxy {
  readonly url: string;
  /** Each request, and what was wrong with its signature. */
  readonly seen: { readonly request: SignedRequest; readonly problem: string | undefined }[];
}

/** `target`: URL of the server behind. Closed when the test ends. */
export async function verifyingProxy(t: TestContext, target: string, rules: ProxyRules): Promise<VerifyingProxy> {
  const seen: VerifyingProxy['seen'] = [];
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const { method = '', url = '', rawHeaders, headers } = req;
      const request = { method, url, rawHeaders, body: Buffer.concat(parts) };
      const problem = signatureProblem(request, { ...rules, nowMs: rules.nowMs(), needsContentHash: true });
      seen.push({ request, problem });
      if (problem !== undefined) {
        res.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message: problem }));
        return;
      }
      const { authorization: _, host: __, ...others } = headers;
      const behind = httpRequest(`${target}${url}`, { method, headers: others }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      // A server that dies may have answered half.
      behind.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
      behind.end(request.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
