// SPDX-License-Identifier: Apache-2.0
/**
 * For tests: priv, its calf that speaks to the network, and the verifier, in one process; and a server on loopback that
 * they speak to.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calf, HandedDescriptor } from '@local-datastore/shared/confinement/launcher/calf';
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { duplicate } from '@local-datastore/shared/confinement/system/sockets';
import { silentLog } from '@local-datastore/shared/log';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { systemClock } from '@local-datastore/shared/system-clock';
import { HASH_LANE_BYTES } from '../../content/file-target.ts';
import { createHashLanes } from '../../content/hash-lanes.ts';
import { createInlineHasher } from '../../content/inline-hasher.ts';
import { partialPaths } from '../../content/partial-file.ts';
import { openUnreadConnection } from '../../network/open-flow.ts';
import { hostPlatform } from '../../registry/resolve-image.ts';
import type { DownloadEvent, DownloadResult } from '../../transfer/download-request.ts';
import type { Pace } from '../../transfer/pace.ts';
import { NET_RIGHTS } from '../calves/net/net-keys.ts';
import type { NetAsk } from '../calves/net/net-messages.ts';
import { type NetDeps, runNet } from '../calves/net/run-net.ts';
import { runVerifier } from '../calves/verifier/run-verifier.ts';
import { VERIFIER, VERIFIER_RIGHTS, type VerifierRules } from '../calves/verifier/verifier-messages.ts';
import { readJson } from '../exchange/ask-messages.ts';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore, PRIV } from '../store/key-store.ts';
import type { StoreClient } from '../store/store-client.ts';
import { createAnswerer } from './answer-asks.ts';
import { createNetJobs, type NetJobs } from './net-jobs.ts';
import { createNetMonitor } from './net-monitor.ts';
import { openVerifiedTarget } from './verified-target.ts';
import { createVerifierLink } from './verifier-link.ts';

/** What a server does with one connection, once a request has come on it. */
export type Script = (socket: Socket, request: string) => void | Promise<void>;

export interface ScriptedServer {
  readonly url: URL;
  /** The heads of the requests that came. */
  readonly requests: readonly string[];
  /** How many connections are open. */
  readonly openConnections: number;
  close(): Promise<void>;
}

/** @param scripts of the requests, in turn */
export async function serveScripts(scripts: readonly Script[]): Promise<ScriptedServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      if (!request.endsWith('\r\n\r\n')) return;
      const script = scripts[requests.push(request) - 1];
      if (script === undefined) socket.destroy();
      else void script(socket, request);
      request = '';
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.img`),
    requests,
    get openConnections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Handle {
  close(): void;
}

/** Node's own handle of a descriptor, as a calf gets it from another process. */
function handleOf({ fd, kind }: HandedDescriptor): Handle {
  if (kind !== 'stream') throw new Error('datagrams are not for these tests');
  const socket = new Socket({ fd: duplicate(fd), readable: false });
  return (socket as unknown as { readonly _handle: Handle })._handle;
}

export interface ScriptedNet {
  /** Of what a script serves: its digest is known, and its size where it is given. */
  download(
    url: URL,
    content: Buffer,
    options?: { readonly sizeBytes?: number | null; readonly signal?: AbortSignal },
  ): Promise<DownloadResult>;
  /** What was published of content; null: nothing was. */
  published(content: Buffer): Promise<Buffer | null>;
  /** How much of content is kept for a later run; null: nothing is. */
  keptBytes(content: Buffer): Promise<number | null>;
  /** Changes a byte of what is kept. */
  changeKept(content: Buffer, offset: number): Promise<void>;
  /** What the service orders. */
  readonly jobs: NetJobs;
  /** In which files are filled. */
  readonly folder: string;
  /** What was told of downloads. */
  readonly events: readonly DownloadEvent['kind'][];
  /** What the calf has asked for. */
  readonly asked: readonly NetAsk['kind'][];
  /** The farthest that any download has come. */
  readonly position: number;
  /** What crosses ends as when the calf has died, and its successor begins. */
  replaceCalf(): Promise<void>;
  /** The same of the verifier. */
  replaceVerifier(): Promise<void>;
  stop(): Promise<void>;
}

/** What a process has, that it loses with its end. */
function createOwnHandles() {
  const handles: Handle[] = [];
  let hear: (message: unknown, handle: object | null) => void = () => {};
  return {
    handles: {
      onHandle(listener: typeof hear) {
        hear = listener;
      },
    },
    calf: {
      send(message: object, descriptor?: HandedDescriptor) {
        if (descriptor !== undefined) handles.push(handleOf(descriptor));
        hear(message, descriptor === undefined ? null : (handles.at(-1) ?? null));
      },
    } as Calf,
    closeAll() {
      for (const handle of handles) handle.close();
    },
  };
}

/** How bodies are to come. */
export type BodyRules = Partial<
  Pick<VerifierRules, 'stallTimeoutMs' | 'leastRate'> & Pick<NetDeps, 'delay'> & { readonly pace: Pace }
>;

export async function startScriptedNet({ pace, delay, ...rules }: BodyRules = {}): Promise<ScriptedNet> {
  const audit = { append: () => {} };
  const store = createKeyStore({ log: silentLog, audit });
  const folder = await mkdtemp(join(tmpdir(), 'scripted-net-'));
  const events: DownloadEvent['kind'][] = [];
  const asked: NetAsk['kind'][] = [];
  let position = 0;
  const pathOf = (sha256: string) => join(folder, sha256);
  const pathOfContent = (content: Buffer) => pathOf(contentDigest(content).hex);
  const jobs = createNetJobs({
    ...{ store, audit, actor: 'net', owner: PRIV, wish: hostPlatform(arch()), pathOf },
  });
  const reception = {
    stallTimeoutMs: 600_000,
    leastRate: { bytesPerSecond: 0, windowMs: 1000 },
    ...rules,
  };
  const { stallTimeoutMs, leastRate } = reception;
  let verifierIsReady = Promise.withResolvers<void>();
  const link = createVerifierLink({
    ...{ store, audit },
    onReady() {
      link.admit();
      verifierIsReady.resolve();
    },
  });
  const lending = { lend: async () => {}, takeBack: async () => {} };
  const answer = createAnswerer(
    {
      ...{ jobs, selectBridges: () => [], connect: openUnreadConnection, openPipe },
      openTarget: (job, stream) => openVerifiedTarget({ link, lending }, job, stream),
      sockets: {
        give: () => Promise.reject(new Error('there are no bridges')),
        close: async () => {},
      },
    },
    { allowsInternal: false, proxyHost: null },
  );
  const monitor = createNetMonitor(
    { store, audit, jobs, answer, closeGiven: async () => {}, clock: systemClock },
    {
      actor: 'net',
      settings: {
        discovery: { bridges: [], timeoutMs: 1000 },
        transfer: { stallTimeoutMs, leastRate, allowsInternalRedirects: false },
      },
      hosts: () => new Set(),
      onSeen() {},
      onReady: () => ready.resolve(),
    },
  );
  store.watch('/ask/*', ({ value }) => {
    if (value !== null) asked.push((readJson(value) as NetAsk).kind);
  });

  /** Ends a process as when it has died. */
  const endOf =
    (running: {
      readonly actor: string;
      readonly client: StoreClient;
      readonly own: ReturnType<typeof createOwnHandles>;
      readonly ended: Promise<unknown>;
      end(): Promise<void>;
    }) =>
    async () => {
      running.client.close();
      await running.ended;
      running.own.closeAll();
      await running.end();
      store.clear(running.actor);
    };

  async function startVerifier() {
    verifierIsReady = Promise.withResolvers();
    const actor = `${VERIFIER}-${randomUUID()}`;
    const client = createDirectStoreClient({ store, audit }, { actor, rights: VERIFIER_RIGHTS });
    const own = createOwnHandles();
    const end = link.begin(own.calf);
    const ended = runVerifier(
      {
        ...{ store: client, handles: own.handles, clock: systemClock, log: silentLog },
        lanes: createHashLanes(HASH_LANE_BYTES, 0, createInlineHasher),
        pace,
        tellProgress: link.tellProgress,
      },
      reception,
    );
    await verifierIsReady.promise;
    return endOf({ actor, client, own, end, ended });
  }

  let ready = Promise.withResolvers<void>();
  async function startCalf() {
    ready = Promise.withResolvers();
    const actor = `net-${randomUUID()}`;
    const client = createDirectStoreClient({ store, audit }, { actor, rights: NET_RIGHTS });
    const own = createOwnHandles();
    const end = monitor.begin(own.calf);
    const ended = runNet({
      ...{ store: client, handles: own.handles, clock: systemClock, log: silentLog },
      ...(delay !== undefined && { delay }),
    });
    await ready.promise;
    return endOf({ actor, client, own, end, ended });
  }

  let endVerifier = await startVerifier();
  let endCalf = await startCalf();
  return {
    ...{ jobs, folder, events, asked },
    get position() {
      return position;
    },
    published: (content) => readFile(pathOfContent(content)).catch(() => null),
    keptBytes: async (content) =>
      (await stat(partialPaths(pathOfContent(content)).file).catch(() => null))?.size ?? null,
    async changeKept(content, offset) {
      const file = await open(partialPaths(pathOfContent(content)).file, 'r+');
      await file.write(Buffer.from([(content[offset] ?? 0) ^ 1]), 0, 1, offset);
      await file.close();
    },
    async download(url, content, { sizeBytes = content.length, signal } = {}) {
      const sha256 = contentDigest(content).hex;
      return await jobs.steps.download(
        {
          ...{ url, sha256, sizeBytes, registry: null, authorization: null, ca: null },
          avoidedAddresses: new Set<string>(),
        },
        {
          onEvent: ({ kind }) => events.push(kind),
          onProgress(bytes) {
            position = Math.max(position, bytes);
          },
        },
        signal ?? new AbortController().signal,
      );
    },
    async replaceCalf() {
      await endCalf();
      endCalf = await startCalf();
    },
    async replaceVerifier() {
      await endVerifier();
      endVerifier = await startVerifier();
    },
    async stop() {
      await endCalf();
      await endVerifier();
      await rm(folder, { recursive: true });
    },
  };
}
