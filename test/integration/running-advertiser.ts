// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { encode } from 'dns-packet';
import type { AdvertiserStatus } from '../../datastore-app/src/advertise/advertiser.ts';
import type { Namespace } from '../lab/namespace.ts';
import { type JsonLines, readJsonLines } from './json-lines.ts';
import { addressesOf, type HeardPacket, isGoodbye } from './mdns-peer.ts';

const ALL_SERVICES = 'workstation,http,https';
const ADVERTISE_PROGRAM = 'test/integration/programs/advertise.ts';

/** The datastore's advertiser alone, in a namespace. */
export interface RunningAdvertiser {
  readonly child: ChildProcess;
  readonly status: JsonLines<AdvertiserStatus>;
  readonly stop: () => Promise<void>;
}

export function startAdvertiser(
  app: Namespace,
  { hostLabel = 'ds', services = ALL_SERVICES, interfaces = [] as readonly string[] } = {},
): RunningAdvertiser {
  const child = app.start(['node', ADVERTISE_PROGRAM, hostLabel, services, ...interfaces]);
  const closed = once(child, 'close');
  return {
    child,
    status: readJsonLines<AdvertiserStatus>(child),
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}

export const isReady = ({ isReady }: AdvertiserStatus) => isReady;
export const isResponse = ({ packet }: HeardPacket) => packet.type === 'response';
export const hasAnswer = (heard: HeardPacket, address: string) =>
  isResponse(heard) && !isGoodbye(heard) && addressesOf(heard).includes(address);

/** An announcement lists its service type as well (RFC 6763 §9); an answer does not. */
export const isAnnouncement = ({ packet }: HeardPacket) =>
  packet.answers?.some(({ name }) => name === '_services._dns-sd._udp.local') === true;

/** The states that an advertiser went through, on all its interfaces. */
export const statesOf = ({ status }: RunningAdvertiser) =>
  status.all.flatMap(({ interfaces }) => interfaces.map(({ state }) => state));

/** A query that asks for a PTR record, or for an A record. */
export const question = (name: string, type: 'PTR' | 'A' = 'PTR') =>
  encode({ type: 'query', id: 4711, questions: [{ name, type }] });
