// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { FIRST_GIVEN_DESCRIPTOR } from '@local-datastore/shared/confinement/launcher/calf';
import { errorMessage } from '@local-datastore/shared/errors';
import { createLog, type Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { type CalfKeys, openCalfKeys } from './calf-keys.ts';
import { type DatagramSource, type Datagrams, hearDatagrams } from './datagrams.ts';
import { openGivenStore } from './given-store.ts';
import {
  type CalfManifest,
  type DescriptorDeclaration,
  type DescriptorDeclarations,
  type OptionsOf,
  startDescriptors,
} from './manifest.ts';
import { readStartOrder } from './start-order.ts';

/** `process`, of a calf. */
export interface CalfHost {
  readonly argv: readonly string[];
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  exit(code: number): void;
}

/** Frames as the number of their socket, datagrams as what came. */
type GivenDescriptor<Declaration extends DescriptorDeclaration> = Declaration extends {
  readonly kind: 'frames';
}
  ? number
  : Datagrams;

export type GivenDescriptors<Declarations extends DescriptorDeclarations> = {
  readonly [Name in keyof Declarations]: GivenDescriptor<Declarations[Name]>;
};

/** All that a calf has. */
export interface CalfContext<Manifest extends CalfManifest> {
  readonly keys: CalfKeys<Manifest['keys']>;
  readonly descriptors: GivenDescriptors<Manifest['descriptors']>;
  readonly options: OptionsOf<Manifest>;
  /** Becomes a part of the agent's log. */
  readonly log: Log;
  readonly clock: Clock;
  /** Aborted when the calf is to end. */
  readonly signal: AbortSignal;
}

/** Waits until all descriptors are there that are handed over when the calf runs. */
async function receive(
  { descriptors }: CalfManifest,
  names: readonly string[],
  host: CalfHost,
  signal: AbortSignal,
): Promise<(readonly [string, Datagrams])[]> {
  if (names.length === 0) return [];
  const arrivals = new Map(names.map((name) => [name, Promise.withResolvers<Datagrams>()]));
  host.on('message', (message, handle) => {
    const { descriptor } = message as { readonly descriptor?: unknown };
    if (typeof descriptor !== 'string' || descriptors[descriptor] === undefined) return;
    // At once: what comes before somebody listens is lost.
    arrivals.get(descriptor)?.resolve(hearDatagrams(handle as DatagramSource, signal));
  });
  return await Promise.all([...arrivals].map(async ([name, { promise }]) => [name, await promise] as const));
}

/**
 * The program of a calf: what its `main.ts` calls, once. Gives a function what the manifest says, and ends the process
 * when that returns or throws; the agent starts it again.
 *
 * @param host `process`
 */
export function defineCalf<const Manifest extends CalfManifest>(
  manifest: Manifest,
  host: CalfHost,
  run: (calf: CalfContext<Manifest>) => Promise<void>,
): void {
  const log = createLog(manifest.name, 'info');
  const ending = new AbortController();
  const { signal } = ending;

  async function begin(): Promise<void> {
    const { prefix, options } = readStartOrder(manifest, host.argv[2] ?? '');
    const atStart = startDescriptors(manifest);
    const later = Object.keys(manifest.descriptors).filter((name) => !atStart.includes(name));
    // Before anything is waited for, so that no message is missed.
    const received = receive(manifest, later, host, signal);
    const store = openGivenStore();
    void store.closed.then(() => ending.abort());
    const given = atStart.map((name, index) => [name, FIRST_GIVEN_DESCRIPTOR + index] as const);
    const descriptors = Object.fromEntries([...given, ...(await received)]);
    await run({
      keys: openCalfKeys(manifest.keys, prefix, store),
      descriptors: descriptors as GivenDescriptors<Manifest['descriptors']>,
      ...{ options, log, clock: systemClock, signal },
    });
  }

  // The store is not closed before: the agent ends a calf at once that has none.
  begin().then(
    () => host.exit(0),
    (error: unknown) => {
      log.error({ reason: errorMessage(error) }, 'it cannot go on');
      host.exit(1);
    },
  );
}
