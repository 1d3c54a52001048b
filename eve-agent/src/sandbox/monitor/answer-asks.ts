// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { Bridge } from '../../discovery/bridges.ts';
import { askSchema, type NetAsk, type targetGiftSchema } from '../calves/net/net-messages.ts';
import { AskRefusal, type Gift } from '../exchange/serve-asks.ts';
import { type FlowGiverDeps, giveFlow } from './give-flow.ts';
import type { SocketGiver } from './give-sockets.ts';
import type { PlaceFacts } from './judge-place.ts';
import { createKeptFlows } from './kept-flows.ts';
import type { NetJobs } from './net-jobs.ts';
import type { VerifiedJob, VerifiedTarget } from './verified-target.ts';

export interface AnswererDeps {
  readonly jobs: Pick<NetJobs, 'failDownload' | 'findDownload' | 'namedHosts'>;
  readonly sockets: SocketGiver;
  selectBridges(): readonly Bridge[];
  readonly connect: FlowGiverDeps['connect'];
  /** A pipe: what is read from, and what is written to. */
  openPipe(): readonly [number, number];
  /** As `openVerifiedTarget`. */
  openTarget(job: VerifiedJob, stream: number): Promise<VerifiedTarget>;
}

export interface AnswererOptions {
  readonly allowsInternal: boolean;
  /** Null: there is none. */
  readonly proxyHost: string | null;
}

/** What the calf that speaks to the network gets for its asks, as far as it may have it. */
export function createAnswerer(deps: AnswererDeps, options: AnswererOptions) {
  const { jobs, sockets, selectBridges, connect, openPipe, openTarget } = deps;
  const { allowsInternal, proxyHost } = options;
  const flows = createKeptFlows();

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

  function requireServed(id: string) {
    const { served } = requireDownload(id);
    if (served === null) throw new AskRefusal('DENIED', 'its target was not asked for');
    return served;
  }

  async function giveTarget(id: string, signal: AbortSignal): Promise<Gift> {
    const job = requireDownload(id);
    if (job.served !== null) throw new AskRefusal('DENIED', 'its target was given before');
    // It may still be with what a calf that is gone has left to be read.
    await job.outlived?.closed;
    const { url, path, sizeBytes, digest, observer } = job;
    const [read, written] = openPipe();
    const close = () => closeSync(written);
    let target: VerifiedTarget;
    try {
      target = await openTarget(
        {
          ...{ url, path, expected: { sizeBytes, digest }, observer },
          onLost: (error) => jobs.failDownload(id, error),
        },
        read,
      );
    } catch (error) {
      close();
      throw error;
    } finally {
      closeSync(read);
    }
    if (signal.aborted || jobs.findDownload(id) !== job) {
      // Whoever asked is gone, and its successor asks for it again; or nobody waits for the download any more.
      close();
      await target.close();
      signal.throwIfAborted();
      throw new AskRefusal('NOT_FOUND', 'there is no such download any more');
    }
    const { stored } = target;
    job.served = target;
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
    return { value, descriptor: { fd: written, kind: 'stream', close } };
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
        const { host, port, localAddress, refusesInternal, isReturnable } = ask;
        const place = { host, port, localAddress, refusesInternal };
        return await giveFlow({ connect, flows }, { place, isReturnable }, placeFacts(), signal);
      }
      case 'target':
        return await giveTarget(ask.job, signal);
      case 'operate':
        return { value: await requireServed(ask.job).operate(ask.operation, ask.sentBytes) };
      case 'receive': {
        const { job, flow, restBytes, sentBytes } = ask;
        const served = requireServed(job);
        const given = flows.take(flow);
        if (given === undefined)
          throw new AskRefusal('NOT_FOUND', 'there is no such connection to be given back');
        return { value: await served.receive(given, restBytes, sentBytes, signal) };
      }
    }
  };
}
