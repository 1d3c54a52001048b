// SPDX-License-Identifier: Apache-2.0
import { read, write } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '@local-datastore/shared/clock';
import { systemErrorCode } from '@local-datastore/shared/errors';

/** A frame that came over the link. The bytes are overwritten by the next one. */
export interface ReceivedFrame {
  readonly bytes: Buffer;
  /** See decodeUdpFrame. */
  readonly isChecksumLeftOut: boolean;
}

/** Frames of Ethernet, in and out. */
export interface FrameChannel {
  /** Waits for a frame; one at a time. @returns null once it is closed */
  read(): Promise<ReceivedFrame | null>;
  /** Rejects with the system's error: the link may be down. */
  write(frame: Buffer): Promise<void>;
  /** Ends reading. The descriptor stays whoever's it is. */
  close(): void;
}

/** `struct virtio_net_hdr`, which PACKET_VNET_HDR puts before every frame: its flags come first. */
const HEADER_BYTES = 10;
const NEEDS_CHECKSUM = 1;
/** More than any frame that a filter for DHCP and ARP lets in; what is longer is cut, and then malformed. */
const MAX_FRAME_BYTES = 2048;
/** The link is down, or gone: nothing is heard for a while. */
const PAUSE_AFTER_ERROR_MS = 1000;

const [readAsync, writeAsync] = [promisify(read), promisify(write)];

/**
 * Frames through a packet socket with PACKET_VNET_HDR that was handed in. Reading blocks a thread of Node's pool until
 * a frame comes or the time limit of the socket is over, which must have one.
 */
export function createFrameChannel(deps: { readonly clock: Clock }, descriptor: number): FrameChannel {
  const buffer = Buffer.alloc(HEADER_BYTES + MAX_FRAME_BYTES);
  let isClosed = false;
  const pause = () => new Promise<void>((resolve) => deps.clock.after(PAUSE_AFTER_ERROR_MS, resolve));

  async function readOnce(): Promise<ReceivedFrame | null> {
    try {
      const { bytesRead } = await readAsync(descriptor, buffer, 0, buffer.length, null);
      if (bytesRead < HEADER_BYTES) return null;
      return {
        bytes: buffer.subarray(HEADER_BYTES, bytesRead),
        isChecksumLeftOut: ((buffer[0] as number) & NEEDS_CHECKSUM) !== 0,
      };
    } catch (error) {
      // Nothing came within the time limit of the socket.
      if (systemErrorCode(error) !== 'EAGAIN' && !isClosed) await pause();
      return null;
    }
  }

  return {
    async read() {
      while (!isClosed) {
        const frame = await readOnce();
        if (frame !== null && !isClosed) return frame;
      }
      return null;
    },
    async write(frame) {
      const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), frame]);
      await writeAsync(descriptor, bytes, 0, bytes.length, null);
    },
    close() {
      isClosed = true;
    },
  };
}
