// SPDX-License-Identifier: Apache-2.0
import type { CiaoService, Responder } from '@homebridge/ciao';
import { DNSPacket } from '@homebridge/ciao/lib/coder/DNSPacket.js';
import { ARecord } from '@homebridge/ciao/lib/coder/records/ARecord.js';
import '@homebridge/ciao/lib/coder/records/index.js';
import { type Answer, decode, encode } from 'dns-packet';
import { expect, it, test } from 'vitest';
import { createOutgoingAddresses } from './outgoing-addresses.ts';

const ADVERTISED = ['10.1.0.5/24', '10.1.0.6/24', '192.168.7.5/24'];
const SOURCES = ['10.1.0.5/24', '192.168.7.5/24'];
const ALL = ['10.1.0.5', '10.1.0.6', '192.168.7.5'];
const a = (data: string, ttl = 120): Answer => ({ type: 'A', name: 'ds.local', ttl, data });

function setUp({ gone = [] as readonly string[] } = {}) {
  const sent: { from: string; to: string; ttls: number[]; told: string[] }[] = [];
  let from = '';
  const send = async (packet: DNSPacket, target: string | { address: string }) => {
    const { answers = [], authorities = [], additionals = [] } = decode(packet.encode());
    const told = [...answers, ...authorities, ...additionals].flatMap((record) =>
      record.type === 'A' ? { ttl: record.ttl ?? -1, address: record.data } : [],
    );
    const to = typeof target === 'string' ? target : target.address;
    sent.push({ from, to, ttls: told.map(({ ttl }) => ttl), told: told.map(({ address }) => address) });
    return { status: 'fulfilled', interface: 'eth0' };
  };
  const server = {
    send,
    sendOnAllNetworksForService: async (packet: DNSPacket) => [await send(packet, 'probe')],
    sockets: new Map([
      [
        'eth0',
        {
          setMulticastInterface(address: string) {
            if (gone.includes(address)) throw new Error('EADDRNOTAVAIL');
            from = address;
          },
        },
      ],
    ]),
  };
  const outgoing = createOutgoingAddresses({ server } as unknown as Responder, {
    interfaceName: 'eth0',
    hostLabel: 'ds',
    advertisedCidrs: ADVERTISED,
    sourceCidrs: SOURCES,
  });
  // What ciao knows of the interface: one address.
  const service = { aRecord: () => new ARecord('ds.local', '169.254.3.4', true) } as unknown as CiaoService;
  outgoing.adopt(service);
  const response = (...records: NonNullable<ReturnType<CiaoService['aRecord']>>[]) =>
    DNSPacket.createDNSResponsePacketsFromRRSet({ answers: records });
  const answerTo = (asker: string, known: Answer[] = []) => {
    const query = DNSPacket.decode(
      { address: asker, port: 5353, family: 'IPv4' },
      encode({ type: 'query', questions: [{ type: 'A', name: 'ds.local' }], answers: known }),
    );
    let record: ReturnType<CiaoService['aRecord']>;
    outgoing.whileAnswering(query, asker, () => {
      record = service.aRecord('eth0');
    });
    return { record: record as ARecord, known: [...query.answers.values()] };
  };
  return { answerTo, response, sent, server, service };
}

it.each([
  ['10.1.0.1', '10.1.0.5', ALL],
  ['192.168.7.1', '192.168.7.5', ['192.168.7.5', '10.1.0.5', '10.1.0.6']],
])('answers the group for %s from %s', async (asker, from, told) => {
  const { answerTo, response, sent, server } = setUp();
  await server.send(response(answerTo(asker).record), 'eth0');
  expect(sent).toEqual([{ from, to: 'eth0', ttls: [120, 120, 120], told }]);
});

test('answers who is in no subnet of ours from each of them', async () => {
  const { answerTo, response, sent, server } = setUp();
  await server.send(response(answerTo('172.16.0.1').record), 'eth0');
  expect(sent.map(({ from, told }) => [from, told[0]])).toEqual([
    ['10.1.0.5', '10.1.0.5'],
    ['192.168.7.5', '192.168.7.5'],
  ]);
});

test('one packet for askers of two subnets leaves from both', async () => {
  const { answerTo, response, sent, server } = setUp();
  const records = ['10.1.0.1', '192.168.7.1'].map((asker) => answerTo(asker).record);
  await server.send(response(...records), 'eth0');
  expect(sent.map(({ from }) => from)).toEqual(['10.1.0.5', '192.168.7.5']);
  for (const { told } of sent) expect([...told].sort()).toEqual(ALL);
});

test('announces and says goodbye from every subnet, and passes over an address that is gone', async () => {
  const { response, sent, server, service } = setUp({ gone: ['10.1.0.5'] });
  const record = service.aRecord('eth0') as ARecord;
  record.ttl = 0;
  expect(await server.send(response(record), 'eth0')).toMatchObject({ status: 'fulfilled' });
  expect(sent).toEqual([
    { from: '192.168.7.5', to: 'eth0', ttls: [0, 0, 0], told: ['192.168.7.5', '10.1.0.5', '10.1.0.6'] },
  ]);
});

test('probes with all addresses, from every subnet', async () => {
  const { sent, server, service } = setUp();
  const authorities = service.allAddressRecords();
  expect(authorities.map((record) => record.ipAddress)).toEqual(ALL);
  const probe = DNSPacket.createDNSQueryPacket({ questions: [], authorities });
  await server.sendOnAllNetworksForService(probe);
  expect(sent.map(({ from }) => from)).toEqual(['10.1.0.5', '192.168.7.5']);
  for (const { told } of sent) expect([...told].sort()).toEqual(ALL);
});

test('answers by unicast in the order of the asker, with the TTL that ciao gave', async () => {
  const { response, sent, server, service } = setUp();
  const record = service.aRecord('eth0') as ARecord;
  record.ttl = 10;
  await server.send(response(record), { address: '192.168.7.9' });
  expect(sent).toMatchObject([
    { to: '192.168.7.9', ttls: [10, 10, 10], told: ['192.168.7.5', '10.1.0.5', '10.1.0.6'] },
  ]);
});

test('leaves packets without our address, and addresses of others, as they are', async () => {
  const { response, sent, server } = setUp();
  await server.send(response(new ARecord('other.local', '10.1.0.9', true)), { address: '10.1.0.1' });
  expect(sent[0]?.told).toEqual(['10.1.0.9']);
});

test('a failure to send is an answer to ciao, which catches none', async () => {
  const { response, server, service } = setUp();
  const tooLong = Object.assign(response(service.aRecord('eth0') as ARecord), {
    encode: () => {
      throw new Error('too long');
    },
  });
  expect(await server.send(tooLong, 'eth0')).toMatchObject({ status: 'rejected' });
});

it.each<[string, Answer[], number]>([
  ['all', ALL.map((address) => a(address)), 3],
  ['a part', [a('10.1.0.5')], 0],
  ['all, but one for a moment alone', [a('10.1.0.5'), a('10.1.0.6'), a('192.168.7.5', 60)], 0],
  ['all, and a former one', [...ALL, '10.1.0.4'].map((address) => a(address)), 4],
  ['none', [], 0],
])('believes who knows %s', (_what, known, left) => {
  expect(setUp().answerTo('10.1.0.1', known).known).toHaveLength(left);
});
