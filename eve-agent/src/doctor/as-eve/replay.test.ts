import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../discovery/bridges.ts';
import { readUrlForm } from '../url-form.ts';
import type { EveLookup } from './lookup.ts';
import { createEveReplay, type EveReplayRequest } from './replay.ts';
import type { EveTransfer, EveTransferRequest } from './transfer.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
const GIVEN = { sha256: null, sizeBytes: null, hasCa: false, hasAuthorization: false };
const FOUND: EveLookup = {
  service: 'http',
  addresses: ['10.2.0.5'],
  takenHostName: 'ds.local.',
  canBlock: false,
  servicesWithoutIpv4: [],
  discarded: [],
  elapsedMs: 10_100,
};
const FILE: EveTransfer = { failure: null, sizeBytes: 100, caveats: [] };

async function replay(
  url: string,
  {
    lookup = {},
    transfer = {},
    ...rest
  }: Partial<EveReplayRequest> & {
    lookup?: Partial<EveLookup>;
    transfer?: Partial<EveTransfer>;
  } = {},
) {
  const transfers: EveTransferRequest[] = [];
  const names: string[] = [];
  const run = createEveReplay({
    lookUp: async (hostName) => {
      names.push(hostName);
      return { ...FOUND, ...lookup };
    },
    transfer: async (request) => {
      transfers.push(request);
      return { ...FILE, ...transfer };
    },
  });
  const result = await run({
    form: readUrlForm(url),
    given: GIVEN,
    bridges: [BN1, BN2],
    authorization: null,
    ca: null,
    wholeFile: null,
    signal: new AbortController().signal,
    ...rest,
  });
  return { result, transfers, names };
}

test('a datastore that is as it should be: by the address, from the bridge', async () => {
  const { result, transfers, names } = await replay('http://ds.local/dir/a.img?v=1');
  expect(result).toMatchObject({
    canUse: true,
    failure: null,
    reason: 'finds 10.2.0.5 on bn2 by _http._tcp after 10.1 s and starts the download',
    chosen: { address: '10.2.0.5', bridge: BN2 },
  });
  expect(names).toEqual(['ds.local']);
  expect(transfers.map(({ url, sourceAddress }) => `${url.href} from ${sourceAddress}`)).toEqual([
    'http://10.2.0.5/dir/a.img?v=1 from 10.2.0.1',
  ]);
});

test('the name is looked up as it was written, with its root', async () => {
  expect((await replay('http://Ds.local./a.img')).names).toEqual(['Ds.local.']);
});

describe('no local datastore for EVE', () => {
  test.each(['http://ds.local:80/a.img', 'http://ds.LOCAL/a.img', 'http://ds.local:8080/a.img'])(
    '%s',
    async (url) => {
      const { result, names } = await replay(url);
      expect(result).toMatchObject({ canUse: false, failure: 'usage' });
      expect(result.reason).toContain('for no local datastore');
      expect(names).toEqual([]);
    },
  );
});

test.each<[string, Parameters<typeof replay>[1], string, string]>([
  ['no bridge', { bridges: [] }, 'usage', 'says "findDSmDNS: has no bridge interface"'],
  [
    'nobody',
    { lookup: { service: null, addresses: [] } },
    'datastoreNotFound',
    'says "findDSmDNS: mDNS host not found for ds.local"',
  ],
  [
    'only what it cannot read or use',
    {
      lookup: {
        ...{ service: null, addresses: [] },
        ...{ discarded: ['a name is cut off'], servicesWithoutIpv4: ['http'] },
      },
    },
    'datastoreNotFound',
    'says "findDSmDNS: mDNS host not found for ds.local" (it discards a whole message because a name is cut off; the answer for _http._tcp has no IPv4 address)',
  ],
  [
    'addresses that EVE did not give',
    { lookup: { addresses: ['10.9.0.5', '10.1.0.1'] } },
    'datastoreNotFound',
    'says "findDSmDNS: source IP not found for [10.9.0.5 10.1.0.1]"',
  ],
  [
    'the substring trap',
    { lookup: { takenHostName: 'my-ds.local.' } },
    'datastoreNotFound',
    'takes the host "my-ds.local." for ds.local, whose name it holds',
  ],
  [
    'several instances in one message',
    { lookup: { canBlock: true } },
    'datastoreNotFound',
    'can hang for ever: one message holds several instances of a service type',
  ],
  [
    'a credential in the clear',
    { authorization: 'Bearer x' },
    'usage',
    'refuses to send the credential over plain HTTP, unless the device allows it',
  ],
  [
    'a failed transfer',
    { transfer: { failure: 'gets "bad response code: 404"' } },
    'transferFailed',
    'gets "bad response code: 404"',
  ],
  [
    'a size that is one byte off',
    { given: { ...GIVEN, sizeBytes: 101 } },
    'contentMismatch',
    'fails because the file has 100 bytes and maxSizeBytes says 101',
  ],
  [
    'another file',
    { given: { ...GIVEN, sha256: 'b' }, wholeFile: { kind: 'read', sizeBytes: 100, sha256: 'c' } },
    'contentMismatch',
    'fails its check: the file has sha256 c',
  ],
])('%s: cannot', async (_, change, failure, reason) => {
  const { result } = await replay('http://ds.local/a.img', change);
  expect({ canUse: result.canUse, failure: result.failure, reason: result.reason }).toEqual({
    canUse: false,
    failure,
    reason,
  });
});

test('of several addresses the first that is on a bridge, and others are passed over', async () => {
  const { result } = await replay('http://ds.local/a.img', {
    lookup: { addresses: ['10.9.0.5', '10.1.0.5'] },
  });
  expect(result).toMatchObject({ canUse: true, chosen: { address: '10.1.0.5', bridge: BN1 } });
});
