// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { LayersInForce } from './read-layers.ts';

/**
 * Where a calf's program comes from. A calf opens no file of its own: a script is handed to it as a descriptor; only
 * from source, where each module is a file, it sees the folders of these.
 */
export type CalfCode =
  /** One file of CommonJS that requires nothing but Node's own modules. */
  | { readonly kind: 'script'; readonly file: string }
  /** A module of the source tree, and the folders that it and what it imports stand in. */
  | { readonly kind: 'source'; readonly file: string; readonly folders: readonly string[] }
  /** An asset of the executable that runs. */
  | { readonly kind: 'asset'; readonly name: string };

/** What the kernel lets a calf take at most. */
export interface CalfLimits {
  /**
   * Memory of its own: V8's heap, of which it is half, buffers, stacks of threads, Node itself, which needs some 70 MB
   * (RLIMIT_DATA, beyond what V8 only sets aside).
   */
  readonly memoryBytes: number;
  /** Worker threads at a time, for which V8 sets memory aside. Default 0. */
  readonly workers?: number;
  /** Descriptors open at a time, 64 at least: Node needs some twenty. */
  readonly openFiles: number;
  /** Of a file that was handed over. Default 0: it writes to none. */
  readonly fileBytes?: number;
}

/** A folder or file that a calf sees at the same path as priv does; all else is hidden where namespaces can be had. */
export interface VisiblePath {
  readonly path: string;
  /** Files that are there may be written; none is made, renamed or removed. */
  readonly isWritable: boolean;
}

/** What a calf is, before it is started. */
export interface CalfSpec {
  /** Names it in logs and in the status: lower-case letters, digits and hyphens. */
  readonly name: string;
  readonly code: CalfCode;
  readonly limits: CalfLimits;
  /** Its own number as user and group, where priv may give it one; see `CALF_USERS`. */
  readonly user: number;
  /**
   * Descriptors of priv that it has from its start, in this order from {@link FIRST_GIVEN_DESCRIPTOR} on. They stay
   * priv's to close. Regular files can be given in this way alone, or by a folder that is shown to it.
   */
  readonly descriptors?: readonly number[];
  /** Default: none. */
  readonly visible?: readonly VisiblePath[];
  /** Arguments of its program, which anybody on the host can read: no secrets. */
  readonly args?: readonly string[];
}

/** What a calf is told, with or without a descriptor. Anything that JSON holds. */
export type CalfMessage = Readonly<Record<string, unknown>>;

/**
 * As what the calf hears of a descriptor, as second argument of `process.on('message', (message, given) => …)`: `stream` as
 * the bare handle that `new net.Socket({ handle, onread })` takes, of a TCP or Unix socket or a pipe; the others as a
 * `dgram.Socket` that is bound.
 */
export type HandedKind = 'stream' | 'udp4' | 'udp6';

export interface HandedDescriptor {
  readonly fd: number;
  readonly kind: HandedKind;
}

/** A running calf, as priv has it. */
export interface Calf {
  readonly name: string;
  readonly pid: number;
  /** The key-value store's stream: descriptor {@link STORE_DESCRIPTOR} of the calf. What comes from it is hostile. */
  readonly store: Duplex;
  /**
   * Tells the calf, which hears `process.on('message')`. Nothing comes back on this channel: the kernel refuses what the
   * calf writes to it. The descriptor is duplicated: the caller closes its own.
   *
   * @throws SystemError `EAGAIN`: the calf does not read, or not yet; `EPIPE`, `EBADF`: it has ended
   * @throws RangeError a message of more than {@link MAX_MESSAGE_BYTES}, or a descriptor of neither a socket nor a pipe,
   * at which the calf's Node would end
   */
  send(message: CalfMessage, descriptor?: HandedDescriptor): void;
  /** What the kernel says is in force, read when it is asked for; null once it has ended. */
  layers(): LayersInForce | null;
  /** Never rejects. */
  readonly ended: Promise<CalfEnd>;
  /** SIGKILL: a calf has nothing to put in order. Idempotent. */
  kill(): void;
}

export interface CalfEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started, as a sentence; null: it ran. */
  readonly refusal: string | null;
}

/** Of the calf: its end of the key-value store's stream, for `new net.Socket({ fd })`. */
export const STORE_DESCRIPTOR = 3;
/** Of the calf: what Node takes `process.on('message')` from. */
export const CHANNEL_DESCRIPTOR = 4;
/** Of the calf: its program, which is read and closed before the program runs. */
export const PROGRAM_DESCRIPTOR = 5;
/** Of the calf: the first of {@link CalfSpec.descriptors}. */
export const FIRST_GIVEN_DESCRIPTOR = 6;
export const MAX_MESSAGE_BYTES = 8 * 1024;

/**
 * Numbers that no distribution gives to anybody (systemd's "Users, Groups, UIDs and GIDs": 65520 to 65533), and that
 * are mapped in containers with the usual 65536 users. One each: no calf may signal or trace another.
 */
export const CALF_USERS = {
  net: 65520,
  verifier: 65521,
  dhcp: 65522,
  ntp: 65523,
  parsers: 65524,
  test: 65533,
} as const;
