// SPDX-License-Identifier: Apache-2.0
import { EngineError, type EngineRequest } from '@local-datastore/shared/engine/engine-client';
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAppNetworks } from './app-networks.ts';

const { signal } = new AbortController();
const bn1 = (cidr: string) => ({ name: 'bn1', cidr, displayName: '' });
const LABEL = 'io.local-datastore.network';

interface Network {
  readonly document: {
    Name: string;
    IPAM: { Config: { Subnet: string; Gateway: string }[] };
    Labels: object;
  };
  /** By container, the address that was asked for. */
  readonly attached: Map<string, string | null>;
}

let networks: Map<string, Network>;
let calls: string[];
/** Is told of a call before it is done. */
let onCall: (call: string) => void;

const refused = (status: number) => new EngineError('ENGINE_REFUSED', `refused ${status}`, status);
const idOf = (n: number) => String(n).padStart(64, 'a');

const client = {
  async ask(method: string, path: string, { json }: EngineRequest): Promise<unknown> {
    const [, kind, name = '', action] = path.split('/');
    const body = json as {
      Name: string;
      Container: string;
      EndpointConfig: { IPAMConfig?: { IPv4Address: string } };
    };
    if (method !== 'GET') calls.push(`${method} ${action ?? name}`);
    onCall(`${method} ${action ?? name}`);
    if (kind === 'containers') {
      const Networks = Object.fromEntries(
        [...networks].flatMap(([network, { attached }]) => {
          const IPv4Address = attached.get(name);
          if (IPv4Address === undefined) return [];
          return [[network, { IPAMConfig: IPv4Address === null ? null : { IPv4Address } }]];
        }),
      );
      return { NetworkSettings: { Networks } };
    }
    if (path === '/networks')
      return [...networks.values()].map(({ document }) => ({ Driver: 'bridge', ...document }));
    if (path === '/networks/create') {
      networks.set(body.Name, { document: { ...body } as never, attached: new Map() });
      return {};
    }
    const network = networks.get(name);
    if (network === undefined) throw refused(404);
    if (action === 'disconnect') network.attached.delete(body.Container);
    else if (action === 'connect') {
      const address = body.EndpointConfig.IPAMConfig?.IPv4Address ?? null;
      if ([...network.attached.values()].includes(address)) throw refused(403);
      network.attached.set(body.Container, address);
    } else if (method === 'DELETE') {
      if (network.attached.size > 0) throw refused(403);
      networks.delete(name);
    } else {
      const Containers = Object.fromEntries([...network.attached.keys(), 'ep-gone'].map((id) => [id, {}]));
      return { Driver: 'bridge', ...network.document, Containers };
    }
    return undefined;
  },
};
const { ensure } = createAppNetworks(client, silentLog);
const configOf = (name = 'eve_bn1') => networks.get(name)?.document.IPAM.Config;
const attachedTo = (name = 'eve_bn1') => [...(networks.get(name)?.attached ?? [])];

beforeEach(async () => {
  networks = new Map();
  calls = [];
  onCall = () => {};
  await ensure(bn1('10.1.0.1/24'), signal);
});

describe('the network of a bridge', () => {
  it('is made once, whoever asks', async () => {
    await Promise.all([ensure(bn1('10.1.0.1/24'), signal), ensure(bn1('10.1.0.1/24'), signal)]);
    expect(calls).toEqual(['POST create']);
    expect(networks.get('eve_bn1')?.document).toMatchObject({
      ...{ Driver: 'bridge', Labels: { [LABEL]: 'bn1' } },
      Options: { 'com.docker.network.bridge.name': 'bn1' },
      IPAM: { Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1', IPRange: '10.1.0.128/25' }] },
    });
  });

  it('is made anew where the bridge has another subnet, and what is attached stays attached', async () => {
    const attached = networks.get('eve_bn1')?.attached;
    attached?.set(idOf(1), null).set(idOf(2), '10.1.0.50').set(idOf(3), '10.9.0.7');
    await Promise.all([ensure(bn1('10.9.0.1/24'), signal), ensure(bn1('10.9.0.1/24'), signal)]);
    expect(calls.filter((call) => call === 'DELETE eve_bn1')).toHaveLength(1);
    expect(configOf()).toMatchObject([{ Subnet: '10.9.0.0/24', Gateway: '10.9.0.1' }]);
    expect(attachedTo()).toEqual([
      [idOf(1), '10.9.0.254'],
      [idOf(2), '10.9.0.253'],
      [idOf(3), '10.9.0.7'],
    ]);
  });

  it('is made anew where the bridge alone has another address, and addresses stay', async () => {
    networks.get('eve_bn1')?.attached.set(idOf(2), '10.1.0.50');
    await ensure(bn1('10.1.0.2/24'), signal);
    expect([configOf(), attachedTo()]).toEqual([
      [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.2', IPRange: '10.1.0.128/25' }],
      [[idOf(2), '10.1.0.50']],
    ]);
  });

  it('goes although something starts on it in between, and not for ever', async () => {
    let count = 0;
    onCall = (call) => {
      count += Number(call === 'DELETE eve_bn1');
      if (call === 'DELETE eve_bn1' && count < 3) networks.get('eve_bn1')?.attached.set(idOf(count), null);
    };
    await ensure(bn1('10.9.0.1/24'), signal);
    expect(attachedTo().map(([id]) => id)).toEqual([idOf(1), idOf(2)]);
    onCall = (call) => {
      if (call === 'DELETE eve_bn1') networks.get('eve_bn1')?.attached.set(idOf(7), null);
    };
    await expect(ensure(bn1('10.1.0.1/24'), signal)).rejects.toMatchObject({ status: 403 });
  });

  it('that one cannot be attached to stops no other', async () => {
    networks.get('eve_bn1')?.attached.set(idOf(1), null).set(idOf(2), null);
    let isFirst = true;
    onCall = (call) => {
      if (call !== 'POST connect' || !isFirst) return;
      isFirst = false;
      throw refused(500);
    };
    await ensure(bn1('10.9.0.1/24'), signal);
    expect(attachedTo()).toEqual([[idOf(2), '10.9.0.253']]);
  });

  it('is left as it is where the new subnet is another network’s', async () => {
    networks.get('eve_bn1')?.attached.set(idOf(1), null);
    const IPAM = { Config: [{ Subnet: '10.8.0.0/14', Gateway: '10.8.0.1' }] };
    networks.set('other', { document: { Name: 'other', IPAM, Labels: {} }, attached: new Map() });
    await expect(ensure(bn1('10.9.0.1/24'), signal)).rejects.toMatchObject({
      ...{ code: 'NETWORK_UNUSABLE', retryable: true },
      message: expect.stringContaining("overlaps the engine's network other (10.8.0.0/14)"),
    });
    expect([configOf()?.[0]?.Gateway, attachedTo().length]).toEqual(['10.1.0.1', 1]);
  });

  it('is none of another’s', async () => {
    const IPAM = { Config: [{ Subnet: '10.2.0.0/24', Gateway: '10.2.0.1' }] };
    networks.set('eve_bn2', { document: { Name: 'eve_bn2', IPAM, Labels: {} }, attached: new Map() });
    await expect(ensure({ ...bn1('10.2.0.1/24'), name: 'bn2' }, signal)).rejects.toThrow('was not made here');
    expect(calls).toEqual(['POST create']);
  });
});
