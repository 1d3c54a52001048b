// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ConsoleLog } from './console-log.ts';

/** What somebody who looks has not taken yet; what comes beyond it is lost to them alone. */
const MAX_BEHIND_BYTES = 256 * 1024;

/** The serial console of a machine, of which qemu has one connection: here it has as many as are wanted. */
export interface SerialConsole {
  /** Takes over the connection, until it closes. */
  attach(socket: Socket): void;
  open(signal: AbortSignal): Duplex;
  /** Ends it for all who look. */
  end(): void;
}

export function createSerialConsole(log: ConsoleLog): SerialConsole {
  const viewers = new Set<Duplex>();
  let connection: Socket | null = null;

  async function readOn(socket: Socket): Promise<void> {
    try {
      for await (const chunk of socket) {
        for (const viewer of viewers) {
          if (viewer.readableLength < MAX_BEHIND_BYTES) viewer.push(chunk);
        }
        // Before the next is read: a guest that writes faster than the disk takes it has to wait.
        await log.append(chunk as Buffer);
      }
    } catch {
      // It ends with the machine, which is seen elsewhere.
    } finally {
      if (connection === socket) connection = null;
      socket.destroy();
    }
  }

  return {
    attach(socket) {
      connection?.destroy();
      connection = socket;
      socket.on('error', () => {});
      void readOn(socket);
    },
    open(signal) {
      const viewer: Duplex = new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          if (connection === null) done();
          else connection.write(chunk, () => done());
        },
        destroy(error, done) {
          viewers.delete(viewer);
          signal.removeEventListener('abort', end);
          done(error);
        },
      });
      const end = () => void viewer.destroy();
      signal.addEventListener('abort', end, { once: true });
      viewers.add(viewer);
      if (signal.aborted) end();
      return viewer;
    },
    end() {
      for (const viewer of viewers) {
        viewers.delete(viewer);
        viewer.push(null);
        viewer.end();
      }
      connection?.destroy();
    },
  };
}
