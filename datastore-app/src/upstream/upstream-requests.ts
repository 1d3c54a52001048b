// SPDX-License-Identifier: Apache-2.0
import { lookup as lookupBySystem } from 'node:dns';
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { explainFailure } from './explain-failure.ts';
import type { FindLocalHost } from './find-local-host.ts';
import {
  bareHost,
  createReachable,
  namesThisMachine,
  type RequireReachable,
  reachableLookup,
  requireReachableHost,
} from './reachable-address.ts';
import { UpstreamError } from './upstream-error.ts';

/** Bytes from a position on. */
export interface ByteStream {
  readonly content: AsyncIterable<Uint8Array>;
  /** Where they begin: 0 where the upstream gives the whole, whatever was asked for. */
  readonly position: number;
}

/** Sends requests to one upstream, and to where it leads, over connections that are kept. */
export interface UpstreamRequests {
  /**
   * One request, without its redirects.
   *
   * @param named where it was meant to go by whoever may say so: other hosts are not followed to this machine and its
   *   links
   * @throws UpstreamError, or the signal's reason; {@link isAway} where no connection to the named host came about
   */
  send(
    target: URL,
    method: 'GET' | 'HEAD',
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    named: URL,
  ): Promise<IncomingMessage>;
  close(): void;
}

const MAX_REDIRECTS = 5;
/** A flight that gets nothing for so long ends; it goes on from there with the next who asks. */
const IDLE_TIMEOUT_MS = 60_000;
/** A host that is there takes a connection, with TLS, in a fraction of it: SYN is sent again after 1, 3 and 7 s. */
const CONNECT_TIMEOUT_MS = 10_000;

export const headerOf = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};
export const statusOf = ({ statusCode = 0 }: IncomingMessage) => statusCode;

/** All of an answer; undefined: it is more than that. */
export async function readBounded(answer: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Ends an answer of which no more is wanted. */
export const abandon = (answer: IncomingMessage) => {
  answer.on('error', () => {});
  answer.destroy();
};

/** Ends an answer that has no content: its connection can be used again. */
export const release = (answer: IncomingMessage) => {
  answer.on('error', () => {});
  answer.resume();
};

/** In words that explainFailure knows. */
const tooLate = () => Object.assign(new Error('nothing came for too long'), { code: 'ETIMEDOUT' });

/**
 * Finds hosts on `.local` by multicast DNS, and all others as the system does.
 *
 * @param doubted hosts that did not answer where they were found: a reboot may have moved them
 */
function lookupBy(findLocalHost: FindLocalHost, doubted: Set<string>): LookupFunction {
  return (hostName, options, callback) => {
    if (!isLocalHost(hostName)) {
      lookupBySystem(hostName, options, callback);
      return;
    }
    findLocalHost(hostName, { isFresh: doubted.delete(hostName) }).then(
      (address) => {
        if (address === undefined) {
          const code = 'LOCAL_HOST_NOT_FOUND';
          callback(Object.assign(new Error('nobody answers by this name'), { code }), '');
        } else if (options.all) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

export interface UpstreamRequestOptions {
  /** PEM that replaces the system's roots. */
  readonly ca?: string | undefined;
  /** With ports: they were named as well. */
  readonly hosts?: ReadonlySet<string> | undefined;
  /** Whether somebody names hosts who may not have this machine and its links reached either. */
  readonly isUntrusted?: boolean | undefined;
}

/**
 * Fails a request whose connection does not come about in time.
 *
 * @returns whether it has come about
 */
function watchConnecting(sent: ClientRequest, isTls: boolean): () => boolean {
  let isConnected = false;
  sent.once('socket', (socket) => {
    if (!socket.connecting) {
      isConnected = true;
      return;
    }
    const timer = setTimeout(() => sent.destroy(tooLate()), CONNECT_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      isConnected = true;
      clearTimeout(timer);
    });
  });
  return () => isConnected;
}

/** @param findLocalHost for what is on `.local` */
export function createUpstreamRequests(
  { ca, hosts, isUntrusted = false }: UpstreamRequestOptions,
  findLocalHost: FindLocalHost,
): UpstreamRequests {
  const doubted = new Set<string>();
  const lookup = lookupBy(findLocalHost, doubted);
  const agentsWith = (lookUp: LookupFunction) => ({
    'http:': new HttpAgent({ keepAlive: true, lookup: lookUp }),
    'https:': new HttpsAgent({ keepAlive: true, lookup: lookUp, ...(ca !== undefined && { ca }) }),
  });
  const guardedBy = (requireReachable: RequireReachable) => ({
    requireReachable,
    agents: agentsWith(reachableLookup(lookup, requireReachable)),
  });
  /** For hosts that were named, and for those that they lead to. */
  const own = agentsWith(lookup);
  const others = guardedBy(createReachable({ mayBeThisMachine: false }));
  const othersOfThisMachine = guardedBy(createReachable({ mayBeThisMachine: true }));
  const isOwn = (target: URL, named: URL) =>
    !isUntrusted &&
    (bareHost(target.hostname) === bareHost(named.hostname) || hosts?.has(target.host) === true);
  return {
    send(target, method, headers, signal, named) {
      const isTls = target.protocol === 'https:';
      const isNamed = isOwn(target, named);
      const guarded = !isUntrusted && namesThisMachine(named.hostname) ? othersOfThisMachine : others;
      const options = {
        ...{ method, headers: { ...headers }, signal, timeout: IDLE_TIMEOUT_MS },
        agent: (isNamed ? own : guarded.agents)[isTls ? 'https:' : 'http:'],
      };
      return new Promise((resolve, reject) => {
        if (!isNamed) requireReachableHost(target.hostname, guarded.requireReachable);
        const fail = (error: unknown) => {
          if (isLocalHost(target.hostname)) doubted.add(target.hostname);
          const isAway = !isConnected() && bareHost(target.hostname) === bareHost(named.hostname);
          reject(signal.aborted ? signal.reason : explainFailure(target.host, error, { isAway }));
        };
        let answer: IncomingMessage | undefined;
        const sent = (isTls ? httpsRequest : httpRequest)(target, options);
        const isConnected = watchConnecting(sent, isTls);
        sent.on('response', (response) => {
          answer = response;
          resolve(response);
        });
        // Also while the body comes.
        sent.on('timeout', () => (answer ?? sent).destroy(tooLate()));
        sent.on('error', fail);
        sent.end();
      });
    },
    close() {
      for (const agents of [own, others.agents, othersOfThisMachine.agents]) {
        for (const agent of Object.values(agents)) agent.destroy();
      }
    },
  };
}

/**
 * Where a redirect leads; undefined: the answer is none. It is followed a few times, and never from https to http.
 *
 * @param followed how many were followed before
 * @throws UpstreamError
 */
export function redirectOf(answer: IncomingMessage, target: URL, followed: number): URL | undefined {
  const location = headerOf(answer, 'location');
  const statusCode = statusOf(answer);
  // 304 has no content, and leads nowhere.
  if (statusCode < 300 || statusCode >= 400 || statusCode === 304 || location === undefined) return undefined;
  abandon(answer);
  const next = URL.parse(location, target.href);
  const isDowngrade = target.protocol === 'https:' && next?.protocol !== 'https:';
  if (next === null || !/^https?:$/.test(next.protocol) || isDowngrade || followed >= MAX_REDIRECTS) {
    throw new UpstreamError('INVALID', `${target.host} leads elsewhere in a way that is not followed`);
  }
  return next;
}

/** The bytes of an answer to a request from a position on. @throws UpstreamError INVALID where it is of others */
export function byteStreamOf(
  answer: IncomingMessage,
  { host, what, position, signal }: { host: string; what: string; position: number; signal: AbortSignal },
): ByteStream {
  const [, first] = /^bytes (\d+)-/.exec(headerOf(answer, 'content-range') ?? '') ?? [];
  const start = statusOf(answer) === 206 ? Number(first ?? Number.NaN) : 0;
  if (start !== 0 && start !== position) {
    abandon(answer);
    throw new UpstreamError('INVALID', `${host} gives other bytes of ${what} than were asked for`);
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      yield* answer as AsyncIterable<Uint8Array>;
    } catch (error) {
      signal.throwIfAborted();
      throw explainFailure(host, error);
    }
  }
  return { content: content(), position: start };
}
