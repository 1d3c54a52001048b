// SPDX-License-Identifier: Apache-2.0
import { request } from 'node:http';
import { connect } from 'node:net';
import { errorMessage } from '@local-datastore/shared/errors';

/** Where a service is asked: a container's own address, or one of the host's with a published port. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Why a check has failed; null: it has not. */
export type ProbeResult = string | null;

/** Asks one thing of a service, and resolves within the time. Never rejects. */
export interface Probes {
  /** Takes 200 to 399. */
  http(place: Place, path: string, timeoutMs: number): Promise<ProbeResult>;
  tcp(place: Place, timeoutMs: number): Promise<ProbeResult>;
}

const LEAST_GOOD_STATUS = 200;
const LEAST_BAD_STATUS = 400;

/** Probes by a connection of its own each. */
export const systemProbes: Probes = {
  http: ({ address, port }, path, timeoutMs) =>
    new Promise((resolve) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const asked = request({ host: address, port, path, agent: false, signal });
      const end = (result: ProbeResult) => {
        resolve(result);
        asked.destroy();
      };
      asked.once('error', (error) =>
        end(signal.aborted ? `no answer within ${timeoutMs} ms` : errorMessage(error)),
      );
      asked.once('response', (response) => {
        const { statusCode: status = 0 } = response;
        const isGood = status >= LEAST_GOOD_STATUS && status < LEAST_BAD_STATUS;
        if (!isGood) return end(`it answers ${status}`);
        // What breaks off in the middle is no answer.
        response.once('error', (error) => end(errorMessage(error)));
        response.once('end', () => end(null));
        response.resume();
      });
      asked.end();
    }),

  tcp: ({ address, port }, timeoutMs) =>
    new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const end = (result: ProbeResult) => {
        clearTimeout(limit);
        resolve(result);
        socket.destroy();
      };
      const limit = setTimeout(() => end(`no connection within ${timeoutMs} ms`), timeoutMs);
      socket.once('error', (error) => end(errorMessage(error)));
      socket.once('connect', () => end(null));
    }),
};
