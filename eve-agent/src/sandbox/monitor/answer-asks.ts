import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { Bridge } from '../../discovery/bridges.ts';
import type { FlowPlace } from '../../transfer/flow.ts';
import { askSchema, type NetAsk, type targetGiftSchema } from '../calves/net/net-messages.ts';
import { AskRefusal, type Gift } from '../exchange/serve-asks.ts';
import { giveFlow } from './give-flow.ts';
import type { SocketGiver } from './give-sockets.ts';
import type { PlaceFacts } from './judge-place.ts';
import type { NetJobs } from './net-jobs.ts';
import { serveTarget } from './serve-target.ts';

export interface AnswererDeps {
  readonly jobs: Pick<NetJobs, 'findDownload' | 'namedHosts'>;
  readonly sockets: SocketGiver;
  selectBridges(): readonly Bridge[];
  /** As `openUnreadConnection`. */
  connect(place: FlowPlace, signal: AbortSignal): Promise<Socket>;
  /** Two connected stream sockets. */
  socketPair(): readonly [number, number];
}

export interface AnswererOptions {
  readonly allowsInternal: boolean;
  /** Null: there is none. */
  readonly proxyHost: string | null;
}

/** What the calf that speaks to the network gets for its asks, as far as it may have it. */
export function createAnswerer(deps: AnswererDeps, { allowsInternal, proxyHost }: AnswererOptions) {
  const { jobs, sockets, selectBridges, connect, socketPair } = deps;

  function bridgesNow(): readonly Bridge[] {
    try {
      return selectBridges();
    } catch {
      // There are none now: then nothing is reached by one.
      return [];
    }
  }

  const placeFacts = (): PlaceFacts => ({
    bridges: bridgesNow(),
    namedHosts: new Set([...jobs.namedHosts(), ...(proxyHost === null ? [] : [proxyHost.toLowerCase()])]),
    allowsInternal,
  });

  function requireDownload(id: string) {
    const job = jobs.findDownload(id);
    if (job === undefined) throw new AskRefusal('NOT_FOUND', 'there is no such download any more');
    return job;
  }

  async function giveTarget(id: string, signal: AbortSignal): Promise<Gift> {
    const job = requireDownload(id);
    if (job.served !== null) throw new AskRefusal('DENIED', 'its target was given before');
    const { url, sizeBytes, digest, onPosition } = job;
    const target = await job.target.open();
    if (signal.aborted) {
      // Whoever asked is gone: its successor asks for it again.
      await target.close();
      throw signal.reason;
    }
    const { stored } = target;
    const [ours, theirs] = socketPair();
    job.served = serveTarget(
      target,
      ({ buffer, callback }) =>
        new Socket({ fd: ours, readable: true, writable: false, onread: { buffer, callback } }),
      { url, expected: { sizeBytes, digest }, onPosition },
    );
    // It may have been given up while it was opened.
    if (jobs.findDownload(id) !== job) await job.served.close();
    const wanted = formatDigest(digest);
    const isOfOrder = (record: NonNullable<typeof stored>['record']) =>
      record.url === url && record.digest !== null && formatDigest(record.digest) === wanted;
    const value: (typeof targetGiftSchema)['_output'] = {
      stored:
        stored === null
          ? null
          : {
              isOfOrder: isOfOrder(stored.record),
              totalBytes: stored.record.totalBytes,
              validators: stored.record.validators,
              sizeBytes: stored.sizeBytes,
            },
    };
    return { value, descriptor: { fd: theirs, kind: 'stream', close: () => closeSync(theirs) } };
  }

  /** @throws what the calf is told */
  return async (asked: unknown, signal: AbortSignal): Promise<Gift> => {
    const parsed = askSchema.safeParse(asked);
    if (!parsed.success) throw new AskRefusal('MALFORMED', 'the ask cannot be read');
    const ask: NetAsk = parsed.data;
    switch (ask.kind) {
      case 'bridges':
      case 'group-socket':
      case 'asking-socket':
      case 'join':
        return await sockets.give(ask);
      case 'flow': {
        const { host, port, localAddress, refusesInternal } = ask;
        return await giveFlow({ host, port, localAddress, refusesInternal }, placeFacts(), connect, signal);
      }
      case 'target':
        return await giveTarget(ask.job, signal);
      case 'operate': {
        const { served } = requireDownload(ask.job);
        if (served === null) throw new AskRefusal('DENIED', 'its target was not asked for');
        return { value: await served.operate(ask.operation, ask.sentBytes) };
      }
    }
  };
}
