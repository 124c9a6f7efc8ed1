/** The stream of a channel on a descriptor that the process was started with. */
import { Socket } from 'node:net';

/** What the system gives at once. */
const readBytes = 256 * 1024;

/** Its 'data' events show memory that is used again when they are over: a channel takes what it needs at once. */
export function channelSocket(fd: number): Socket {
  const socket: Socket = new Socket({
    fd,
    readable: true,
    writable: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback: (length, bytes) => {
        socket.emit('data', bytes.subarray(0, length));
        return true;
      },
    },
  });
  return socket;
}
