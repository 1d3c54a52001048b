// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { NETWORK_LABEL } from '../../launch/apps/app-networks.ts';
import type { EngineNetwork, EngineSeen } from './host-facts.ts';

const infoSchema = z.looseObject({ NCPU: z.number(), MemTotal: z.number() });
const networksSchema = z.array(z.looseObject({ Name: z.string() }));
const networkSchema = z.looseObject({
  Name: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  IPAM: z.looseObject({ Config: z.array(z.looseObject({ Subnet: z.string().optional() })).nullish() }),
  Containers: z
    .record(z.string(), z.looseObject({ Name: z.string().default(''), IPv4Address: z.string().default('') }))
    .nullish(),
});
const containersSchema = z.array(
  z.looseObject({
    Names: z.array(z.string()).nullish(),
    Ports: z.array(z.looseObject({ PublicPort: z.number().optional(), Type: z.string() })).nullish(),
  }),
);

const MAX_NETWORKS = 200;

async function readNetwork(client: EngineClient, name: string, signal: AbortSignal): Promise<EngineNetwork> {
  const path = `/networks/${encodeURIComponent(name)}`;
  const { Labels, IPAM, Containers } = networkSchema.parse(await client.ask('GET', path, { signal }));
  return {
    name,
    subnets: (IPAM.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
    madeFor: Labels?.[NETWORK_LABEL] ?? null,
    holders: new Map(
      Object.values(Containers ?? {}).map(({ Name, IPv4Address }) => [IPv4Address.split('/')[0] ?? '', Name]),
    ),
  };
}

/** Looks at an engine, and changes nothing. */
export async function readEngine(client: EngineClient, signal: AbortSignal): Promise<EngineSeen> {
  const ask = (path: string) => client.ask('GET', path, { signal });
  try {
    const api = await client.apiVersion(signal);
    const { NCPU, MemTotal } = infoSchema.parse(await ask('/info'));
    const names = networksSchema.parse(await ask('/networks')).map(({ Name }) => Name);
    const networks: EngineNetwork[] = [];
    for (const name of names.slice(0, MAX_NETWORKS)) networks.push(await readNetwork(client, name, signal));
    const ports = containersSchema
      .parse(await ask('/containers/json'))
      .flatMap(({ Names, Ports }) =>
        (Ports ?? []).flatMap(({ PublicPort, Type }) =>
          PublicPort === undefined
            ? []
            : [[`${Type} ${PublicPort}`, (Names?.[0] ?? '').replace(/^\//, '')] as const],
        ),
      );
    return { kind: 'there', api, cpuCount: NCPU, memoryBytes: MemTotal, networks, ports: new Map(ports) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'away', why: errorMessage(error) };
  }
}

/** Of /proc/net/tcp: TCP_LISTEN (include/net/tcp_states.h). */
const LISTEN = '0A';

/** The ports of one of /proc/net/tcp, tcp6, udp and udp6 (proc(5)) that are taken. */
export function parseTakenPorts(protocol: 'tcp' | 'udp', table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      return Number.isNaN(port) || (protocol === 'tcp' && state !== LISTEN) ? [] : [`${protocol} ${port}`];
    });
}

/** The ports of this host that somebody listens on, as `tcp 80`. */
export async function readTakenPorts(): Promise<ReadonlySet<string>> {
  const tables = (['tcp', 'udp'] as const).flatMap((protocol) => [
    [protocol, `/proc/net/${protocol}`] as const,
    [protocol, `/proc/net/${protocol}6`] as const,
  ]);
  const read = async ([protocol, path]: (typeof tables)[number]) =>
    parseTakenPorts(protocol, await readFile(path, 'utf8').catch(() => ''));
  return new Set((await Promise.all(tables.map(read))).flat());
}
