// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '@local-datastore/shared/clock';

/** Where what comes to a port goes: an IPv4 address. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Who sends, as the socket shows it. */
export interface Sender {
  readonly address: string;
  readonly port: number;
}

/** Passes datagrams on to one place, and what is answered back to who asked. */
export interface DatagramRelay {
  /** What cannot be passed on is lost, as on any network. */
  take(datagram: Buffer, from: Sender): void;
  close(): void;
}

export interface DatagramRelayDeps {
  /** Asked for each datagram; null: nowhere, and it is let go. */
  whereTo(): Target | null;
  answer(datagram: Buffer, to: Sender): void;
  readonly clock: Clock;
}

/** Of one sender: by its own socket, so that what comes to that is for this sender. */
interface Flow {
  readonly socket: Socket;
  readonly target: Target;
  cancelEnd: () => void;
}

/** Whoever sends from many ports gets no more sockets of this process; the one that was silent the longest goes. */
export const MAX_FLOWS = 256;
/** As the kernel forgets who has spoken with whom (nf_conntrack_udp_timeout_stream). */
export const FLOW_IDLE_MS = 120_000;

export function createDatagramRelay({ whereTo, answer, clock }: DatagramRelayDeps): DatagramRelay {
  /** By sender; who spoke last is the last. */
  const flows = new Map<string, Flow>();

  function end(key: string): void {
    const flow = flows.get(key);
    if (flow === undefined) return;
    flows.delete(key);
    flow.cancelEnd();
    flow.socket.close();
  }

  /** Who speaks is kept. */
  function touch(key: string, flow: Flow): void {
    flow.cancelEnd();
    flow.cancelEnd = clock.after(FLOW_IDLE_MS, () => end(key));
    flows.delete(key);
    flows.set(key, flow);
  }

  function open(key: string, from: Sender, target: Target): Flow {
    const [silent] = flows.keys();
    if (flows.size >= MAX_FLOWS && silent !== undefined) end(silent);
    const socket = createSocket('udp4');
    const flow: Flow = { socket, target, cancelEnd: () => {} };
    socket.on('message', (datagram, { address, port }) => {
      // Anybody may send to it.
      if (address !== target.address || port !== target.port) return;
      touch(key, flow);
      answer(datagram, from);
    });
    socket.on('error', () => {
      if (flows.get(key) === flow) end(key);
    });
    return flow;
  }

  return {
    take(datagram, from) {
      const target = whereTo();
      if (target === null) return;
      const key = `${from.address} ${from.port}`;
      const known = flows.get(key);
      const isThere = known?.target.address === target.address && known.target.port === target.port;
      if (!isThere) end(key);
      const flow = known !== undefined && isThere ? known : open(key, from, target);
      touch(key, flow);
      flow.socket.send(datagram, target.port, target.address, () => {});
    },
    close() {
      for (const key of [...flows.keys()]) end(key);
    },
  };
}
