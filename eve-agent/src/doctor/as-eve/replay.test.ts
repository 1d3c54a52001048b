// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../discovery/bridges.ts';
import { readUrlForm } from '../url-form.ts';
import type { Candidate } from './candidates.ts';
import type { EveLookup } from './lookup.ts';
import { createEveReplay, type EveReplayRequest } from './replay.ts';
import type { EveTransfer, EveTransferRequest } from './transfer.ts';
import { verdictText } from './verdict.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
const GIVEN = { digest: null, sizeBytes: null, hasCa: false, hasAuthorization: false };
const FOUND: EveLookup = {
  service: 'http',
  addresses: ['10.2.0.5'],
  takenHostName: 'ds.local.',
  ...{ leaksSocket: false, candidates: [], quietedServices: [], droppedHostNames: [] },
  servicesWithoutIpv4: [],
  discarded: [],
  elapsedMs: 10_100,
};
const GOES_ON = { isSound: true, outcome: 'goes on from where it was' };
const FILE: EveTransfer = { failure: null, sizeBytes: 100, caveats: [], resume: GOES_ON };

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
    candidates: [],
    signal: new AbortController().signal,
    ...rest,
  });
  return { result, transfers, names };
}

test('a datastore that is as it should be: by the address, from the bridge', async () => {
  const { result, transfers, names } = await replay('http://ds.local/dir/a.img?v=1');
  expect(result).toMatchObject({
    current: {
      ...{ outlook: 'will', failure: null, whenInterrupted: 'goes on from where it was' },
      reason: 'finds 10.2.0.5 on bn2 by _http._tcp after 10.1 s and starts the download',
    },
    older: { outlook: 'will', failure: null, whenInterrupted: 'starts from the beginning' },
    caveats: [],
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
      expect(result.current).toMatchObject({ outlook: 'will-not', failure: 'usage' });
      expect(result.current.reason).toContain('for no local datastore');
      expect(names).toEqual([]);
    },
  );
});

test.each([
  [
    'is of the bridge itself',
    ['10.2.0.1'],
    'an address of its own on bn2: 10.2.0.1 is that of the host itself',
  ],
  ['is another than EVE gave', ['10.9.0.5'], 'the address that EVE assigned to its app'],
])('advises what to do where the address %s', async (_, addresses, advice) => {
  const { result } = await replay('http://ds.local/a.img', { lookup: { addresses } });
  expect(result.current.advice).toContain(advice);
  expect(result.older).toEqual({ ...result.current, eve: 'EVE 14.5 and older' });
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
    'somebody else, who came first',
    { lookup: { service: null, addresses: [], takenHostName: null, quietedServices: ['http'] } },
    'datastoreNotFound',
    'says "findDSmDNS: mDNS host not found for ds.local" (another host’s answer came first, after which it asks for _http._tcp no more)',
  ],
  [
    'an instance name of somebody else',
    { lookup: { service: null, addresses: [], takenHostName: null, droppedHostNames: ['ds.local.'] } },
    'datastoreNotFound',
    'says "findDSmDNS: mDNS host not found for ds.local" (it drops "ds.local.", whose instance name it had heard of another host)',
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
    {
      given: { ...GIVEN, digest: digestOfHex('b') },
      wholeFile: { kind: 'read', sizeBytes: 100, digest: digestOfHex('c') },
    },
    'contentMismatch',
    'fails its check: the file has sha256 c',
  ],
])('%s: cannot', async (_, change, failure, reason) => {
  const { result } = await replay('http://ds.local/a.img', change);
  for (const verdict of [result.current, result.older]) {
    expect(verdict).toMatchObject({ outlook: 'will-not', failure, reason, whenInterrupted: null });
  }
});

test('of several addresses the first that is on a bridge, and others are passed over', async () => {
  const { result } = await replay('http://ds.local/a.img', {
    lookup: { addresses: ['10.9.0.5', '10.1.0.5'] },
  });
  expect(result).toMatchObject({
    ...{ current: { outlook: 'will' }, chosen: { address: '10.1.0.5', bridge: BN1 } },
  });
});

test('several instances in one message are used, and cost a socket each time', async () => {
  const { result } = await replay('http://ds.local/a.img', { lookup: { leaksSocket: true } });
  expect(result.current.outlook).toBe('will');
  expect(result.caveats).toEqual([expect.stringContaining('leaks a socket')]);
});

test('a user name in the URL is dropped', async () => {
  const { result, names, transfers } = await replay('http://me:secret@ds.local/a.img');
  expect(result.current.outlook).toBe('will');
  expect([names, transfers.map(({ url }) => url.href)]).toEqual([['ds.local'], ['http://10.2.0.5/a.img']]);
});

test('the connection comes from the address that EVE’s status names', async () => {
  const bridge = { ...BN2, assignedAddresses: ['10.2.0.5'], eveAddress: '10.2.0.9' };
  const { transfers } = await replay('http://ds.local/a.img', { bridges: [bridge] });
  expect(transfers.map(({ sourceAddress }) => sourceAddress)).toEqual(['10.2.0.9']);
});

/** Who else could be taken, and who was taken this once. */
describe('a neighbour whose name holds the wanted one', () => {
  const wanted = (service: Candidate['service']): Candidate => ({
    ...{ service, hostName: 'ds.local.', isWanted: true, ipv4: ['10.2.0.5'] },
  });
  const rival = (service: Candidate['service']): Candidate => ({
    ...{ service, hostName: 'my-ds.local.', isWanted: false, ipv4: ['10.1.0.6'] },
  });
  const lostTo = { takenHostName: 'my-ds.local.', addresses: ['10.1.0.6'] };
  type Case = [string, Candidate[], Partial<EveLookup>, string];
  test.each<Case>([
    ['is not there: will', [wanted('http')], {}, 'will'],
    ['lost, in the same service: chance', [wanted('http'), rival('http')], {}, 'may'],
    ['lost, heard in the lookup alone: chance', [], { candidates: [rival('http')] }, 'may'],
    ['lost, in a later service: chance, should the answer be missed', [rival('https')], {}, 'may'],
    ['lost, though in an earlier service: chance', [rival('workstation')], {}, 'may'],
    ['won, in the same service: chance', [wanted('http'), rival('http')], lostTo, 'may'],
    ['won, though we are in an earlier service: chance', [wanted('workstation')], lostTo, 'may'],
    ['won, and we are in a later service: will not', [wanted('https')], lostTo, 'will-not'],
    ['won, and we are not there: will not', [rival('http')], lostTo, 'will-not'],
  ])('%s', async (_, candidates, lookup, outlook) => {
    const { result } = await replay('http://ds.local/a.img', { candidates, lookup });
    for (const verdict of [result.current, result.older]) {
      expect(verdict.outlook).toBe(outlook);
      expect(verdict.failure).toBe(outlook === 'will' ? null : 'datastoreNotFound');
      if (outlook === 'will') continue;
      expect(verdict.reason).toContain('takes the host "my-ds.local." for ds.local, whose name it holds');
    }
  });

  test('what is wrong with the wanted one besides is certain', async () => {
    const { result } = await replay('http://ds.local/a.img', {
      ...{ candidates: [rival('http')], transfer: { failure: 'gets "bad response code: 404"' } },
    });
    expect(result.current).toMatchObject({ outlook: 'will-not', failure: 'transferFailed' });
  });
});

/** EVE 14.5 and older sends no credential, and starts an interrupted download from the beginning. */
describe('the two kinds of EVE', () => {
  const fails: Partial<EveTransfer> = { resume: { isSound: false, outcome: 'fails for good: x' } };
  test('an interruption that is final for the newer one', async () => {
    const { result } = await replay('http://ds.local/a.img', { transfer: fails });
    expect(result).toMatchObject({
      current: { outlook: 'will', whenInterrupted: 'fails for good: x' },
      older: { outlook: 'will', whenInterrupted: 'starts from the beginning' },
      caveats: ['when interrupted, EVE 16 and later fails for good: x'],
    });
    expect(verdictText(result)).toMatch(
      /^a stock EVE device will .* download; when interrupted, EVE 16 and later fails for good: x, and EVE 14\.5 and older starts from the beginning$/,
    );
  });

  test('a file too small to be interrupted', async () => {
    const { result } = await replay('http://ds.local/a.img', { transfer: { resume: null } });
    expect(verdictText(result)).toMatch(/^a stock EVE device will .* starts the download$/);
  });

  test('a credential over https: sent by the newer one alone', async () => {
    const { result, transfers } = await replay('https://ds.local/a.img', { authorization: 'Bearer x' });
    expect(transfers.map(({ authorization }) => authorization)).toEqual([null, 'Bearer x']);
    expect(result).toMatchObject({ current: { outlook: 'will' }, older: { outlook: 'will' } });
  });

  test('a credential over plain HTTP: refused by the newer one, left out by the older', async () => {
    const { result, transfers } = await replay('http://ds.local/a.img', { authorization: 'Bearer x' });
    expect(transfers.map(({ authorization }) => authorization)).toEqual([null]);
    expect(result).toMatchObject({
      current: { outlook: 'will-not', failure: 'usage', whenInterrupted: null },
      older: { outlook: 'will' },
    });
    expect(verdictText(result)).toMatch(
      /^EVE 16 and later will not .*: it refuses to send .*; EVE 14\.5 and older will be able/,
    );
  });
});
