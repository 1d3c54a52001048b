// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import type * as z from 'zod';
import { watchAnnouncements } from '../../../discovery/announcements.ts';
import { createFindDatastore } from '../../../discovery/find-datastore.ts';
import { createLocator } from '../../../discovery/locate.ts';
import { createOpenQuerier } from '../../../discovery/querier.ts';
import { createSharedQuerier } from '../../../discovery/shared-querier.ts';
import { createOpenBridgeSockets } from '../../../network/bridge-sockets.ts';
import { toImageResolution } from '../../../reconcile/image-resolution.ts';
import { createDatastoreAccess } from '../../../service/datastore-access.ts';
import { systemDelay } from '../../../service/system-delay.ts';
import type { DownloadDeps, DownloadEvent } from '../../../transfer/download-request.ts';
import { ONE_ATTEMPT, type Persistence, SOME_ATTEMPTS } from '../../../transfer/persistence.ts';
import { toJson } from '../../exchange/ask-messages.ts';
import { type Asks, type HandleSource, openAsks } from '../../exchange/asks.ts';
import { splitLong } from '../../exchange/long-value.ts';
import { watchLong } from '../../exchange/watch-long.ts';
import { toWireError } from '../../exchange/wire-error.ts';
import type { StoreClient } from '../../store/store-client.ts';
import type { JobKind } from './net-keys.ts';
import { bridgesGiftSchema, hostsSchema, type NetAsk, orderSchemas, settingsSchema } from './net-messages.ts';
import { createRemoteFlows } from './remote-flow.ts';
import { createRemoteSockets } from './remote-sockets.ts';
import { createRemoteTarget } from './remote-target.ts';

export interface NetDeps {
  readonly store: StoreClient;
  readonly handles: HandleSource;
  readonly clock: Clock;
  /** Before another attempt. Default: by this host's timers. */
  readonly delay?: DownloadDeps['delay'];
  readonly log: Log;
}

/** A host name that can be a component of a key; of others nothing is told but to whom it concerns. */
const ADDRESS_KEY = /^[\x21-\x29\x2b-\x2e\x30-\x7e]{1,64}$/;

type Bridges = z.infer<typeof bridgesGiftSchema>['bridges'];

async function askBridges(asks: Asks): Promise<Bridges> {
  const ask: NetAsk = { kind: 'bridges' };
  return bridgesGiftSchema.parse((await asks.ask(ask)).value).bridges;
}

/** Reads a value that is written in parts, once. */
async function readLong(store: StoreClient, pattern: string): Promise<unknown> {
  const whole = Promise.withResolvers<unknown>();
  const unwatch = await watchLong(store, pattern, {
    onValue: (_, value) => whole.resolve(value),
    onLost: (reason) => whole.reject(new Error(reason)),
  });
  const value = await whole.promise;
  unwatch();
  return value;
}

/** Jobs as they are ordered, and given up. */
async function watchOrders(
  store: StoreClient,
  kind: JobKind,
  begin: (id: string, order: unknown, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const running = new Map<string, AbortController>();
  await watchLong(store, `/${kind}/*/order/*`, {
    onValue([, id = ''], order) {
      const abort = new AbortController();
      running.set(id, abort);
      void begin(id, order, abort.signal);
    },
    onGone([, id = '']) {
      running.get(id)?.abort();
      running.delete(id);
    },
  });
}

/** Whose announcements matter: each list has a number, and the last one counts. */
async function watchHosts(store: StoreClient): Promise<() => ReadonlySet<string>> {
  let hosts: ReadonlySet<string> = new Set();
  let current = 0;
  await watchLong(store, '/hosts/*/*', {
    onValue([, number = ''], list) {
      if (Number(number) < current) return;
      current = Number(number);
      hosts = new Set(hostsSchema.parse(list));
    },
  });
  return () => hosts;
}

/**
 * The part of the service that parses what the network says: finds datastores, downloads from them, speaks to
 * registries. It has no socket and no file but those that priv opens for it, and nothing it says of content counts
 * before priv has hashed that.
 *
 * @returns when the store has ended, why
 */
export async function runNet({ store, handles, clock, delay = systemDelay, log }: NetDeps): Promise<string> {
  const asks = await openAsks(store, handles);
  const settings = settingsSchema.parse(await readLong(store, '/settings/*'));
  const querier = createSharedQuerier(
    createOpenQuerier({
      openSockets: createOpenBridgeSockets(createRemoteSockets(asks)),
      // Priv says who holds the port with its refusal.
      portHolderSources: { readUdpTables: () => [], findProcesses: () => [] },
      log,
      clock,
    }),
    clock,
  );
  const locate = createLocator({
    selectBridges: () => askBridges(asks),
    findDatastore: createFindDatastore({ openQuerier: querier.open, clock }),
  });
  const flows = createRemoteFlows(asks);
  const { discovery, transfer } = settings;
  const accessWith = (persistence: Persistence) =>
    createDatastoreAccess(
      { locate, openFlow: flows.openFlow, delay },
      // Left out where there is none, and undefined for the service. The pace is kept where the bytes are written.
      { discovery, transfer: { ...transfer, proxy: transfer.proxy, bytesPerSecond: undefined } },
      persistence,
    );
  const once = accessWith(ONE_ATTEMPT);
  const again = accessWith(SOME_ATTEMPTS);

  const report = (error: unknown) => log.warn({ error: String(error) }, 'priv was not told');
  const tellAddress = (host: string, address: string) => {
    if (!ADDRESS_KEY.test(host)) return;
    const said = { host, address, hasJustAsked: querier.hasJustAsked() };
    store.write(['resolved', host, 'ip'], toJson(said)).catch(report);
  };

  /** Carries a job out, and writes down what comes of it. */
  const serve = (
    kind: JobKind,
    work: (id: string, order: unknown, signal: AbortSignal) => Promise<unknown>,
  ) =>
    watchOrders(store, kind, async (id, order, signal) => {
      const partsOf = (outcome: object) => splitLong([kind, id, 'outcome'], toJson(outcome));
      let parts: ReturnType<typeof partsOf>;
      try {
        parts = partsOf({ done: await work(id, order, signal) });
      } catch (error) {
        // It may also be too long.
        parts = partsOf({ error: toWireError(error) });
      }
      if (signal.aborted) parts = partsOf({ error: toWireError(new Error('it was given up')) });
      try {
        for (const { path, value } of parts) await store.write(path, value);
      } catch (error) {
        report(error);
      }
    });

  await serve('download', async (id, order, signal) => {
    const request = orderSchemas.download.parse(order);
    const { sha256, url, isPersistent } = request;
    const target = createRemoteTarget({ asks, flows }, { id, url: url.href, digest: digestOfHex(sha256) });
    const onEvent = (event: DownloadEvent) => {
      if (event.kind === 'retrying') return;
      if (event.kind === 'located' && event.origin.address !== null && event.origin.bridgeName !== null) {
        tellAddress(event.origin.url.hostname, event.origin.address);
      }
      store.write(['download', id, 'state'], toJson(event)).catch(report);
    };
    const observer = { onEvent, onProgress() {} };
    const access = isPersistent ? again : once;
    const result = await access.download(request, () => target, observer, signal);
    const { resumedFromBytes, receivedBytes, attempts, origin } = result;
    return { resumedFromBytes, receivedBytes, attempts, origin };
  });
  await serve('resolve', async (_, order, signal) => {
    const request = orderSchemas.resolve.parse(order);
    const resolved = await (request.isPersistent ? again : once).resolveImage(request, signal);
    const documents = request.wantsDocuments ? resolved.chain : [];
    return {
      resolution: toImageResolution(resolved),
      documents: documents.map(({ mediaType, bytes }) => ({ mediaType, base64: bytes.toString('base64') })),
    };
  });
  await serve(
    'probe',
    async (_, order, signal) => await once.probe(orderSchemas.probe.parse(order).url, signal),
  );

  const hosts = await watchHosts(store);
  // Before anybody is heard: whether it began is not for neighbours to say.
  await store.write(['ready'], toJson(true));
  const ending = new AbortController();
  const watching = watchAnnouncements(
    {
      openQuerier: querier.open,
      selectBridges: () => askBridges(asks),
      hosts,
      onSeen: tellAddress,
      clock,
      log,
    },
    ending.signal,
  );
  const reason = await store.closed;
  ending.abort();
  await watching;
  return reason;
}
