// SPDX-License-Identifier: Apache-2.0
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import type { Origin } from '../discovery/origin.ts';
import { createScriptedFlows, type ScriptedAnswer, type ScriptedFlows } from '../transfer/scripted-flows.ts';
import { createRegistryAuthorization } from './authorization.ts';
import { createFetchDocument } from './fetch-document.ts';
import { createRegistryClient, type RegistryClient } from './registry-client.ts';

/** The client of a registry for tests, `ds.local/a/b`, which is there without a socket. */
export interface ScriptedRegistry extends ScriptedFlows {
  readonly client: RegistryClient;
  readonly clock: ManualClock;
}

export interface ScriptedRegistryOptions {
  readonly given?: string | null;
  readonly maxFailures?: number;
  /** Takes the times that are waited, in milliseconds. */
  readonly delays?: number[];
  readonly namespace?: string | null;
}

/** @param answers of the registry, whole HTTP responses: in turn, or by what is asked */
export function createScriptedRegistry(
  answers: readonly ScriptedAnswer[] | ((request: string) => ScriptedAnswer),
  { given = null, maxFailures = 0, delays = [], namespace = null }: ScriptedRegistryOptions = {},
): ScriptedRegistry {
  const flows = createScriptedFlows(answers);
  const clock = createManualClock();
  const fetchDocument = createFetchDocument(
    {
      async locate(url): Promise<Origin> {
        return { url, address: '10.1.0.5', sourceAddress: '10.1.0.1', bridgeName: 'bn1' };
      },
      openFlow: flows.openFlow,
      delay: async (delayMs) => void delays.push(delayMs),
      now: () => 0,
      random: () => 0,
      clock,
    },
    { retry: { maxFailures, maxDelayMs: 60_000 }, stallTimeoutMs: 20_000, userAgent: 'test' },
  );
  const image = { registry: new URL('http://ds.local/'), repository: 'a/b' };
  const authorization = createRegistryAuthorization(fetchDocument, {
    ...image,
    ...{ given, ca: null, allowsInternal: false },
  });
  return {
    client: createRegistryClient(fetchDocument, { image, authorization, ca: null, namespace }),
    clock,
    ...flows,
  };
}

/** A whole response. @param fields each with its line end */
export const says = (status: string, fields: string, body: string | Buffer = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
