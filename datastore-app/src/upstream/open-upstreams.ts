// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { systemClock, waitFor } from '@local-datastore/shared/system-clock';
import { followFiles } from '../access/followed-files.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { FindLocalHost } from './find-local-host.ts';
import { createFlights, type FlightStatus, type Flights } from './flights.ts';
import type { ImageUpstream } from './images/image-upstream-settings.ts';
import { createUpstreamClient, type UpstreamClient } from './upstream-client.ts';
import type { UpstreamError } from './upstream-error.ts';
import { createUpstreamRegistry } from './upstream-registry.ts';
import { NO_UPSTREAMS, readUpstreams, type Upstream, type Upstreams } from './upstream-settings.ts';

/** How it goes with an upstream. */
export interface UpstreamStatus {
  readonly prefix: string;
  /** Scheme, host and port. */
  readonly url: string;
  readonly state: 'unasked' | 'reachable' | 'failing';
  /** Why it fails, as a sentence without a secret. */
  readonly reason: string | null;
  /** ISO 8601: since when it is so. */
  readonly since: string | null;
}

/** Registries from which images are imported when they are asked for. */
export interface OpenUpstreams {
  /** A store with what upstreams have beside what it has itself. To be called once. */
  extend(store: RegistryStore): RegistryStore;
  /** Below which name the repositories of a registry are shown, as containerd calls it in `?ns=`. */
  prefixOf(namespace: string): string | undefined;
  /** Where other images come from, as the same settings say now. */
  images(): readonly ImageUpstream[];
  status(): readonly UpstreamStatus[];
  /** Those that are configured now, with what they are asked by. */
  configured(): readonly Upstream[];
  /** By which blobs come; they are there once the store is extended. */
  flights(): Flights;
  imports(): readonly FlightStatus[];
  receivedBytes(): number;
  /** What cannot be used, as sentences. */
  warnings(): readonly string[];
  /** Looks whether they changed, until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /** Ends what is under way; it goes on from there after a restart. */
  stop(): Promise<void>;
}

/** In the state directory. */
const UPSTREAMS_FILE = 'upstreams.yaml';
const LOOK_INTERVAL_MS = 2000;

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

export interface UpstreamsPlace {
  readonly stateDirectory: string;
  /** undefined: the one of the state directory, where there is one. */
  readonly upstreamsFile: string | undefined;
}

/** @throws ConfigurationError when a given file is not there */
async function findUpstreamsFile({ stateDirectory, upstreamsFile }: UpstreamsPlace): Promise<string> {
  if (upstreamsFile === undefined) return join(stateDirectory, UPSTREAMS_FILE);
  if (await isThere(upstreamsFile)) return upstreamsFile;
  throw new ConfigurationError(`--upstreams ${upstreamsFile} does not exist`);
}

const nameOf = (file: string) => `the upstreams in ${file}`;
const readFrom = async (file: string) => ((await isThere(file)) ? readUpstreams(file) : NO_UPSTREAMS);

/**
 * Why what is said of upstreams cannot be used, as a sentence; undefined: it can, or nothing is said.
 *
 * @throws ConfigurationError when a given file is not there
 */
export async function whyNoUpstreams(place: UpstreamsPlace): Promise<string | undefined> {
  const file = await findUpstreamsFile(place);
  try {
    await readFrom(file);
    return undefined;
  } catch (error) {
    return `${nameOf(file)} cannot be used: ${errorMessage(error)}`;
  }
}

interface Word {
  readonly failure: UpstreamError | undefined;
  readonly sinceMs: number;
}

/**
 * Opens what is said of upstreams. What is wrong with it keeps nothing else from being served.
 *
 * @throws ConfigurationError when a given file is not there
 */
export async function openUpstreams(
  {
    log,
    findLocalHost,
    nowMs = Date.now,
  }: { readonly log: Log; readonly findLocalHost: FindLocalHost; readonly nowMs?: () => number },
  { stateDirectory, upstreamsFile }: UpstreamsPlace,
): Promise<OpenUpstreams> {
  const file = await findUpstreamsFile({ stateDirectory, upstreamsFile });
  const followed = await followFiles<Upstreams>(
    { log },
    {
      ...{ name: nameOf(file), files: [file], none: NO_UPSTREAMS },
      meanwhile: 'nothing is imported until this is put right',
      read: () => readFrom(file),
    },
  );
  const registries = () => followed.current().registries;
  const clients = new Map<Upstream, UpstreamClient>();
  const words = new Map<string, Word>();
  let flights: Flights | undefined;

  function clientOf(upstream: Upstream): UpstreamClient {
    const known = clients.get(upstream) ?? createUpstreamClient(upstream, findLocalHost);
    clients.set(upstream, known);
    return known;
  }

  /** Those of upstreams that are not configured any more. */
  async function closeOthers(kept: readonly Upstream[]): Promise<void> {
    for (const [upstream, client] of clients) {
      if (kept.includes(upstream)) continue;
      clients.delete(upstream);
      await client.close();
    }
  }

  function noteAnswer({ prefix }: Upstream, failure: UpstreamError | undefined): void {
    const before = words.get(prefix);
    const isSame = before !== undefined && (before.failure === undefined) === (failure === undefined);
    words.set(prefix, { failure, sinceMs: isSame ? before.sinceMs : nowMs() });
  }

  return {
    extend(store) {
      flights = createFlights({ log, store, wait: (ms, signal) => delay(ms, undefined, { signal }) });
      return createUpstreamRegistry({
        ...{ log, store, flights, clientOf, noteAnswer, clock: systemClock, random: Math.random },
        upstreams: registries,
      });
    },
    images: () => followed.current().images,
    prefixOf: (namespace) => registries().find((each) => each.namespace === namespace)?.prefix,
    status: () =>
      registries().map(({ prefix, url }) => {
        const word = words.get(prefix);
        return {
          ...{ prefix, url: url.origin },
          state: word === undefined ? 'unasked' : word.failure === undefined ? 'reachable' : 'failing',
          reason: word?.failure?.message ?? null,
          since: word === undefined ? null : new Date(word.sinceMs).toISOString(),
        };
      }),
    configured: registries,
    flights() {
      if (flights === undefined) throw new Error('the store is extended first');
      return flights;
    },
    imports: () => flights?.list() ?? [],
    receivedBytes: () => flights?.receivedBytes() ?? 0,
    warnings: () => [followed.trouble() ?? []].flat(),
    async follow(signal) {
      while (!signal.aborted) {
        if (await followed.look()) await closeOthers(registries());
        await waitFor(LOOK_INTERVAL_MS, signal);
      }
    },
    async stop() {
      await flights?.stop();
      await closeOthers([]);
    },
  };
}
