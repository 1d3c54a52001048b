// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDoctorProbe } from '@local-datastore/shared/http/products';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import { createRing } from './ring.ts';

/** One answer that carries (a part of) an image. */
export interface Download {
  readonly id: number;
  readonly path: string;
  /** The remote address. */
  readonly client: string;
  readonly userAgent: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
  /** null: it is running. */
  readonly endedAt: string | null;
  /** Handed to the network so far. */
  readonly sentBytes: number;
  /** Of this answer: less than the image where a range was asked for. */
  readonly totalBytes: number;
  /** running, done, probe: the doctor saw enough, or broken: the client went away, or the file was changed. */
  readonly state: 'running' | 'done' | 'probe' | 'broken';
}

/** Knows the downloads that run, and the last that ended. */
export interface DownloadLog {
  /** To be called before the answer begins; follows it to its end. */
  begin(request: IncomingMessage, response: ServerResponse, path: string): void;
  /** The running ones first, both newest first. */
  list(): Download[];
  runningCount(): number;
}

const MAX_ENDED = 50;
const MAX_USER_AGENT_LENGTH = 200;

export function createDownloadLog({ now = Date.now }: { now?: () => number } = {}): DownloadLog {
  const running = new Map<number, () => Download>();
  const ended = createRing<Download>(MAX_ENDED);
  let lastId = 0;

  return {
    begin(request, response, path) {
      lastId += 1;
      const id = lastId;
      const { socket } = request;
      // The socket counts for us, so that a download costs nothing while it runs. Headers count as well.
      const sentBefore = socket.bytesWritten;
      const startedAt = new Date(now()).toISOString();
      const client = clientAddress(socket);
      const userAgent = request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH) ?? null;
      const describe = (state: Download['state'], endedAt: string | null): Download => {
        const totalBytes = Number(response.getHeader('Content-Length') ?? 0);
        const sentBytes = Math.min(Math.max(socket.bytesWritten - sentBefore, 0), totalBytes);
        return { id, path, client, userAgent, startedAt, endedAt, sentBytes, totalBytes, state };
      };
      running.set(id, () => describe('running', null));
      response.once('close', () => {
        running.delete(id);
        const isImage =
          request.method === 'GET' && (response.statusCode === 200 || response.statusCode === 206);
        if (!isImage) return;
        const cutState = isDoctorProbe(request.headers['user-agent']) ? 'probe' : 'broken';
        ended.add(describe(response.writableFinished ? 'done' : cutState, new Date(now()).toISOString()));
      });
    },
    list: () => [...[...running.values()].map((describe) => describe()).reverse(), ...ended.list()],
    runningCount: () => running.size,
  };
}
