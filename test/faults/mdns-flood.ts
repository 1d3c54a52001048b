// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readJsonLines } from '../integration/json-lines.ts';
import type { App } from '../lab/lab.ts';
import type { Source, Target } from './hostile-datagrams.ts';

export interface FloodOptions {
  readonly seed: number;
  /** Of malformed and of hostile datagrams, each. */
  readonly perSecond: number;
  /** Addresses of the sender's interface, from which it sends. */
  readonly addresses: Readonly<Record<Source, string>>;
  readonly target: Target;
}

export type FloodEvent =
  | { readonly event: 'begun' }
  | {
      readonly event: 'sent';
      readonly malformed: number;
      readonly hostile: number;
      readonly seconds: number;
    };

export interface Flood {
  /** Ends it, and tells what was sent. */
  stop(): Promise<{ readonly malformed: number; readonly hostile: number; readonly seconds: number }>;
}

const PROGRAM = fileURLToPath(new URL('./programs/mdns-flood.ts', import.meta.url));

/** Gives an app the addresses that the flood comes from. Nobody else's traffic is drawn to it: it has no ARP. */
export async function becomeAttacker(app: App, addresses: FloodOptions['addresses']): Promise<void> {
  await app.mustRun(['ip', 'link', 'set', 'eth0', 'arp', 'off']);
  for (const address of Object.values(addresses)) {
    await app.mustRun(['ip', 'address', 'replace', `${address}/24`, 'dev', 'eth0']);
  }
}

/** Begins a flood; it is under way when this returns. */
export async function startFlood(app: App, options: FloodOptions): Promise<Flood> {
  const child = app.start([process.execPath, PROGRAM, JSON.stringify(options)]);
  const lines = readJsonLines<FloodEvent>(child);
  await lines.waitFor('a flood', ({ event }) => event === 'begun');
  return {
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
      const last = lines.all.at(-1);
      if (last?.event !== 'sent') throw new Error('the flood ended before it was told to');
      const { malformed, hostile, seconds } = last;
      return { malformed, hostile, seconds };
    },
  };
}
