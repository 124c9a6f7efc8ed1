/** Tunnels through an HTTP proxy. Source: RFC 9110, 9.3.6; RFC 7617 for the password. */
import type { Socket } from 'node:net';

/** Of a proxy's answer to CONNECT so much is read: status line and a few headers. */
const headBytesMax = 16 * 1024;

/** The header with the user and password of a proxy's URL, if it has them. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Asks the proxy at the other end of `socket` for a tunnel to `target` (host:port). Rejects when it gives none in time. */
export function openTunnel(socket: Socket, proxy: URL, target: string, limitMs: number): Promise<void> {
  const authorization = proxyAuthorization(proxy)['Proxy-Authorization'];
  const head = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
  if (authorization !== undefined) head.push(`Proxy-Authorization: ${authorization}`);
  return new Promise((resolve, reject) => {
    let answer = '';
    const finish = (error: Error | undefined): void => {
      clearTimeout(timer);
      socket.off('data', take);
      socket.off('error', finish);
      socket.off('close', closed);
      if (!error) return resolve();
      socket.destroy();
      reject(error);
    };
    const closed = (): void => finish(new Error(`proxy ${proxy.host} closed the connection`));
    const take = (part: Buffer): void => {
      answer += part.toString('latin1');
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0 && answer.length <= headBytesMax) return;
      socket.pause();
      const status = /^HTTP\/1\.[01] (\d{3})[^\r\n]*/.exec(answer);
      if (status?.[1]?.startsWith('2') === true && end === answer.length - 4) return finish(undefined);
      finish(new Error(`proxy ${proxy.host} gave no tunnel to ${target}: ${(status?.[0] ?? 'no HTTP').slice(0, 200)}`));
    };
    const timer = setTimeout(
      () => finish(new Error(`proxy ${proxy.host} gave no tunnel within ${limitMs / 1000} s`)),
      limitMs,
    );
    timer.unref();
    socket.on('data', take);
    socket.on('error', finish);
    socket.on('close', closed);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
  });
}
