// SPDX-License-Identifier: Apache-2.0
/** What the agent does with datagrams of any content: it neither throws nor believes more than it may. */
import { isIPv4 } from 'node:net';
import { type Answer, decode, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Bridge } from '../../eve-agent/src/discovery/bridges.ts';
import {
  createDatagramFilter,
  MAX_RECORDS_PER_DATAGRAM,
} from '../../eve-agent/src/discovery/datagram-filter.ts';
import { decodeMessage } from '../../eve-agent/src/discovery/decode-message.ts';
import { encodeQuery, recordsOf } from '../../eve-agent/src/discovery/dns-message.ts';
import { hostNamesIn, judgeAnswer } from '../../eve-agent/src/discovery/judge-answer.ts';
import { createServiceCache } from '../../eve-agent/src/discovery/service-cache.ts';
import { SERVICES, serviceTypeName } from '../../shared/src/dns-sd/service-types.ts';
import { createSubnetTest } from '../../shared/src/net/ip-address.ts';
import { printableText } from '../../shared/src/text/printable-text.ts';
import { hostileDatagram, malformedDatagram } from '../faults/hostile-datagrams.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const DATAGRAMS = repetitions({ short: 6000, long: 30_000 });
const HOST = 'ds.local';
const BRIDGES: readonly Bridge[] = [
  { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' },
  { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/31' },
];
const SOURCES = [
  '10.1.0.7',
  '10.1.0.8',
  '10.1.0.9',
  '10.1.0.5',
  '10.1.0.66',
  '10.1.0.1',
  '10.2.0.0',
  '10.9.0.5',
  '127.0.0.1',
  '0.0.0.0',
  '',
  '::1',
  'fe80::1',
];

const TYPES = ['A', 'AAAA', 'PTR', 'SRV', 'TXT', 'NSEC', 'OPT', 'CNAME', 'HINFO', 'NULL'] as const;

/** A name as hostile as the encoder lets it be. */
function someName(random: Random): string {
  const labels = [
    'ds',
    'DS',
    'local',
    '_http',
    '_tcp',
    'x'.repeat(63),
    'é',
    '\u0000',
    '*',
    '\u001b[2J',
    '\ufffd',
  ];
  const service = serviceTypeName(random.pick(SERVICES));
  const made = Array.from({ length: random.integer(1, 5) }, () => random.pick(labels)).join('.');
  return random.pick([HOST, 'Ds.Local', `my-${HOST}`, service, `${made}.${service}`, made]);
}

function someRecord(random: Random): Answer {
  const name = someName(random);
  const ttl = random.pick([0, 1, 120, 0xffffffff]);
  const type = random.pick(TYPES);
  const data = () => {
    switch (type) {
      case 'A':
        return random.pick(['10.1.0.5', '10.1.0.1', '10.1.0.0', '10.1.0.255', '10.2.0.0', '0.0.0.0']);
      case 'AAAA':
        return 'fe80::1';
      case 'SRV':
        return { port: random.integer(0, 65535), target: someName(random) };
      case 'TXT':
        return [random.bytes(random.integer(0, 255))];
      case 'NSEC':
        return { nextDomain: name, rrtypes: ['A'] };
      case 'HINFO':
        return { cpu: 'x', os: 'y' };
      case 'NULL':
        return random.bytes(random.integer(0, 40));
      default:
        return someName(random);
    }
  };
  if (type === 'OPT') return { type, name: '.', options: [] } as unknown as Answer;
  return { name, type, ttl, class: random.pick(['IN', 'IN', 'CH']), data: data() } as Answer;
}

function validMessage(random: Random): Buffer {
  const some = (most: number) => Array.from({ length: random.integer(0, most) }, () => someRecord(random));
  return encode({
    type: random.pick(['response', 'response', 'response', 'query']),
    questions: random.next() < 0.2 ? [{ name: someName(random), type: 'PTR' }] : [],
    answers: some(4),
    authorities: some(1),
    additionals: some(4),
  });
}

/** Changes a few bytes, drops or repeats a piece. */
function mutated(random: Random, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let count = random.integer(1, 6); count > 0; count -= 1) {
    changed[random.integer(0, changed.length - 1)] = random.pick([0, 1, 4, 0x0c, 0x3f, 0x80, 0xc0, 0xff]);
  }
  const [from, to] = [random.integer(0, changed.length), random.integer(0, changed.length)];
  return random.next() < 0.3 ? Buffer.concat([changed.subarray(0, from), changed.subarray(to)]) : changed;
}

function someDatagram(random: Random): Buffer {
  const target = { hostName: HOST, wrongAddress: '10.1.0.67', claimsName: true };
  switch (random.integer(0, 4)) {
    case 0:
      return malformedDatagram(random, target).bytes;
    case 1:
      return hostileDatagram(random, target).bytes;
    case 2:
      return validMessage(random);
    default:
      return mutated(random, validMessage(random));
  }
}

describe('the agent, given any datagrams', () => {
  it('decides, finds only sound addresses, and keeps little', () => {
    const random = randomOfThisRun('DNS messages');
    let nowMs = 0;
    const filter = createDatagramFilter(BRIDGES, () => nowMs);
    const cache = createServiceCache(BRIDGES, SERVICES);
    const verdicts: Record<string, number> = {};
    const judgements: Record<string, number> = {};
    for (let count = 0; count < DATAGRAMS; count += 1) {
      const bytes = someDatagram(random);
      const source = random.pick(SOURCES);
      nowMs += 10;
      const verdict = filter(bytes, { address: source, port: random.pick([5353, 5353, 5353, 0, 40000]) });
      verdicts[verdict.kind] = (verdicts[verdict.kind] ?? 0) + 1;
      // Judged also where the filter would have refused: it must hold by itself.
      const message = decodeMessage(bytes);
      if (message === null) continue;
      const bridge = random.pick(BRIDGES);
      const judgement = judgeAnswer(message, source, bridge, HOST);
      judgements[judgement.kind] = (judgements[judgement.kind] ?? 0) + 1;
      if (judgement.kind === 'match') {
        const { address } = judgement;
        expect(isIPv4(address)).toBe(true);
        expect(createSubnetTest(bridge.cidr)(address) && createSubnetTest(bridge.cidr)(source)).toBe(true);
        // The bridge's own is a datastore's on this host, and nobody else may say so.
        if (source !== bridge.address) expect(address).not.toBe(bridge.address);
        expect(recordsOf(message)).toContainEqual(expect.objectContaining({ type: 'A', data: address }));
        expect(recordsOf(message).length).toBeLessThanOrEqual(MAX_RECORDS_PER_DATAGRAM);
      }
      for (const name of hostNamesIn(message)) expect(printableText(name)).not.toMatch(/\p{Cc}/u);
      cache.add({ message, source, bridge });
      if (count % 50 > 0) continue;
      for (const each of BRIDGES) {
        const questions = cache.missing(each);
        const query = encodeQuery({ questions, knownAnswers: cache.knownAnswers(each), wantsUnicast: true });
        expect(decode(query).questions?.map(({ name }) => name)).toEqual(questions.map(({ name }) => name));
        expect(query.length).toBeLessThanOrEqual(9000);
      }
      expect(cache.instances().length).toBeLessThanOrEqual(256);
    }
    process.stderr.write(`DNS messages: ${JSON.stringify({ verdicts, judgements })}\n`);
    for (const kind of ['response', 'query', 'malformed', 'rejected'])
      expect(verdicts[kind]).toBeGreaterThan(0);
    for (const kind of ['match', 'rejected', 'irrelevant']) expect(judgements[kind]).toBeGreaterThan(0);
  });
});
