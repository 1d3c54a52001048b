// SPDX-License-Identifier: Apache-2.0
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { FlowReader } from '../../../transfer/flow.ts';
import type { UnreadFlow } from '../../../transfer/raw-body.ts';

/** A connection that was given, by Node's own handle of it: nothing of it is read before it is said where to. */
export function openGivenFlow(handle: object): UnreadFlow {
  let current: FlowReader | null = null;
  // Node asks for memory at once: what is read first goes into that.
  const beginning = new Uint8Array(1);
  const options = {
    handle,
    manualStart: true,
    onread: {
      buffer: () => current?.buffer() ?? beginning,
      callback: (byteCount: number, buffer: Uint8Array) => current?.callback(byteCount, buffer) ?? false,
    },
  };
  // Node's types have no handle.
  const flow = new Socket(options as SocketConstructorOpts);
  return {
    flow,
    read(reader) {
      current = reader;
      flow.resume();
    },
  };
}

/** The pipe that a calf's bytes come by, read from now on. */
export function openGivenStream(handle: object, { buffer, callback }: FlowReader): Socket {
  const options = { handle, readable: true, writable: false, onread: { buffer, callback } };
  return new Socket(options as SocketConstructorOpts);
}
