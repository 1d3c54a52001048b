// SPDX-License-Identifier: Apache-2.0
import type { Answer } from 'dns-packet';
import { expect, test } from 'vitest';
import { isAnnouncement, missingAnswers } from './readiness.ts';

const HTTP = 'ds._http._tcp.local';
const WORKSTATION = 'ds [02:16:3e:00:00:05]._workstation._tcp.local';

const expected = {
  hostName: 'ds.local',
  addresses: ['10.1.0.5'],
  instances: [
    { type: '_http._tcp', instanceName: 'ds', port: 80 },
    { type: '_workstation._tcp', instanceName: 'ds [02:16:3e:00:00:05]', port: 9 },
  ],
} as const;

const address: Answer = { type: 'A', name: 'ds.local', ttl: 120, data: '10.1.0.5' };
const srv = (name: string, port: number, target = 'ds.local'): Answer => ({
  type: 'SRV',
  name,
  ttl: 120,
  data: { port, target },
});
const http = srv('ds._http._tcp.local', 80);
const workstation = srv('ds [02:16:3e:00:00:05]._workstation._tcp.local', 9);

test('is content when every service leads to the host and the host to the address', () => {
  expect(missingAnswers([{ answers: [http, address], additionals: [workstation] }], expected)).toEqual([]);
  expect(
    missingAnswers([{ answers: [http] }, { additionals: [workstation] }, { answers: [address] }], expected),
  ).toEqual([]);
});

test('names what is missing', () => {
  expect(missingAnswers([], expected)).toEqual(['ds.local', HTTP, WORKSTATION]);
  expect(missingAnswers([{ answers: [address, http] }], expected)).toEqual([WORKSTATION]);
});

test('is content only with every address', () => {
  const two = { ...expected, addresses: ['10.1.0.5', '192.168.7.5'] };
  const second: Answer = { ...address, data: '192.168.7.5' } as Answer;
  expect(missingAnswers([{ answers: [http, address, workstation] }], two)).toEqual(['ds.local']);
  expect(missingAnswers([{ answers: [http, address, second, workstation] }], two)).toEqual([]);
});

test.each<[string, Answer[], string]>([
  ['another address', [{ ...address, data: '10.1.0.9' } as Answer, http, workstation], 'ds.local'],
  ['a goodbye', [{ ...address, ttl: 0 } as Answer, http, workstation], 'ds.local'],
  ['another port', [address, srv('ds._http._tcp.local', 8080), workstation], HTTP],
  ['another host', [address, srv('ds._http._tcp.local', 80, 'my-ds.local'), workstation], HTTP],
  ['another instance', [address, srv('x._http._tcp.local', 80), workstation], HTTP],
])('is not content with %s', (_what, answers, missing) => {
  expect(missingAnswers([{ answers }], expected)).toEqual([missing]);
});

test('tells an announcement, which nobody asked for, from an answer', () => {
  const enumeration: Answer = {
    type: 'PTR',
    name: '_services._dns-sd._udp.local',
    ttl: 4500,
    data: '_http._tcp.local',
  };
  expect(isAnnouncement({ answers: [http, address, enumeration] })).toBe(true);
  expect(isAnnouncement({ answers: [http, address] })).toBe(false);
});
