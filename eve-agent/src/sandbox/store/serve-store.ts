import type { Duplex } from 'node:stream';
import type { Clock } from '@local-datastore/shared/clock';
import type { AuditSink } from '../audit/audit-entry.ts';
import type { KeyStore } from './key-store.ts';
import type { KeyRight } from './rights.ts';

export interface StoreLimits {
  /** More are not refused: they are read later. */
  readonly messagesPerSecond: number;
  readonly watches: number;
  /** Bytes that wait for a calf that does not read; beyond them its changes wait as names of keys. */
  readonly outputBytes: number;
  /** Keys whose changes wait; a watch with more is lost. */
  readonly waitingChanges: number;
  /** A calf that takes nothing of its output for so long is given up. */
  readonly stallMs: number;
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  messagesPerSecond: 256,
  watches: 64,
  outputBytes: 256 * 1024,
  waitingChanges: 4096,
  stallMs: 30_000,
};

export interface StoreServerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly clock: Clock;
}

export interface StoreServerOptions {
  /** The calf, as the log names it. */
  readonly actor: string;
  readonly rights: readonly KeyRight[];
  readonly limits?: Partial<StoreLimits>;
}

/** One calf's connection. */
export interface StoreServer {
  /** Why it has ended; never rejects. */
  readonly closed: Promise<string>;
  close(reason: string): void;
}

/** Serves one calf over the stream: see {@link StoreServer}. */
export type ServeStore = (deps: StoreServerDeps, options: StoreServerOptions, stream: Duplex) => StoreServer;
