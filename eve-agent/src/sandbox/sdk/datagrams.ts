// SPDX-License-Identifier: Apache-2.0
import type { RemoteInfo } from 'node:dgram';

/** Of those that came and were not asked for yet; more are dropped, as a socket does whose buffer is full. */
export const MAX_WAITING = 256;

export interface Datagram {
  readonly bytes: Buffer;
  readonly address: string;
  readonly port: number;
}

/** A UDP socket as a calf has it. Gone through, it gives what comes, until the calf is to end. */
export interface Datagrams extends AsyncIterable<Datagram> {
  /** Rejects with the system's error. */
  send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): Promise<void>;
  /** How many were not taken, since the calf was too slow. */
  dropped(): number;
}

/** What is used of a socket of Node's. */
export interface DatagramSource {
  on(event: 'message', listener: (bytes: Buffer, from: RemoteInfo) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  send(bytes: Uint8Array, port: number, address: string, done: (error: Error | null) => void): void;
}

/** Hears what comes from now on, and keeps it until it is asked for. */
export function hearDatagrams(socket: DatagramSource, signal: AbortSignal): Datagrams {
  const waiting: Datagram[] = [];
  let dropped = 0;
  let wake = () => {};
  socket.on('message', (bytes, { address, port }) => {
    if (waiting.length >= MAX_WAITING) dropped += 1;
    else waiting.push({ bytes, address, port });
    wake();
  });
  // What was sent and reached nobody: it would end the process.
  socket.on('error', () => {});
  signal.addEventListener('abort', () => wake());

  return {
    async *[Symbol.asyncIterator]() {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
    send: (bytes, { address, port }) =>
      new Promise((resolve, reject) =>
        socket.send(bytes, port, address, (error) => (error === null ? resolve() : reject(error))),
      ),
    dropped: () => dropped,
  };
}
