// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import * as z from 'zod';
import type { Gift } from '../exchange/serve-asks.ts';
import { NTP_KEY } from '../keys/ntp-keys.ts';
import type { KeyPath } from '../store/key-path.ts';
import type { KeyStore } from '../store/key-store.ts';

const askSchema = z.strictObject({ server: z.string().regex(/^\d{3}$/) });

export interface NtpSocketGiverDeps {
  readonly store: Pick<KeyStore, 'read'>;
  /** As `openNtpSocket`. */
  open(address: string, port: number): number;
}

export interface NtpSocketGiverOptions {
  /** Below it stand the client's keys. */
  readonly prefix: KeyPath;
  /** Of the servers. */
  readonly port: number;
}

/**
 * The sockets that a client of NTP gets: of the servers that priv has named to it, and of no others.
 *
 * @returns a function that throws what the calf is told
 */
export function createNtpSocketGiver(
  { store, open }: NtpSocketGiverDeps,
  { prefix, port }: NtpSocketGiverOptions,
) {
  return async (asked: unknown): Promise<Gift> => {
    const ask = askSchema.safeParse(asked);
    if (!ask.success) throw new Error('the ask cannot be read');
    const value = store.read([...prefix, NTP_KEY.server, ask.data.server, 'address']);
    if (value === undefined) throw new Error('there is no such server');
    const address = Buffer.from(value).toString('latin1');
    const fd = open(address, port);
    return {
      value: { address, port },
      descriptor: {
        fd,
        kind: ipVersion(address) === 6 ? 'udp6' : 'udp4',
        close: () => closeSync(fd),
      },
    };
  };
}
