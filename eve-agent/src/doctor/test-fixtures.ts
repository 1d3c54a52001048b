// SPDX-License-Identifier: Apache-2.0
import { decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import type { Bridge } from '../discovery/bridges.ts';
import type { DnsRecord } from '../discovery/dns-message.ts';
import { readWireMessage } from './as-eve/wire-message.ts';
import { type Check, runCheck } from './check.ts';
import type { Evidence } from './evidence.ts';
import type { BridgeHearing, Exchange, HeardDatagram, MulticastEvidence } from './observations.ts';
import { readUrlForm } from './url-form.ts';

/** Evidence for tests of checks: a sound datastore, `ds.local` at 10.1.0.5 on bn1, and what differs from it. */

export const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
export const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
export const PROBED_AT_MS = Date.UTC(2026, 0, 2, 12);
export const GIVEN = { digest: null, sizeBytes: null, hasCa: false, hasAuthorization: false };

export const a = (data = '10.1.0.5', name = 'ds.local', ttl = 120): DnsRecord => ({
  ...{ type: 'A', class: 'IN', name, ttl, data },
});

export const srv = (service = '_http', target = 'ds.local', instance = 'store'): DnsRecord => ({
  ...{ type: 'SRV', class: 'IN', name: `${instance}.${service}._tcp.local`, ttl: 120 },
  data: { port: 80, target },
});

/** A response of the datastore with these records, as the wire has it, and what else is so of the datagram. */
export function heard(records: readonly DnsRecord[], changes: Partial<HeardDatagram> = {}): HeardDatagram {
  const bytes = encode({ type: 'response', answers: [...records] });
  const bridge = changes.bridge === undefined ? BN1 : changes.bridge;
  return {
    source: '10.1.0.5',
    sourcePort: 5353,
    bridge,
    verdict: { kind: 'response', bridge: bridge ?? BN1 },
    message: decode(bytes),
    wire: readWireMessage(bytes),
    ...changes,
  };
}

export const hearingOf = (changes: Partial<BridgeHearing> = {}): BridgeHearing => ({
  ...{ bridge: BN1, sendError: null, isOwnQuestionHeard: true, heardCount: 1, silentNeighbours: [] },
  ...changes,
});

/** What came of asking for `ds.local`. */
export const multicastOf = (
  datagrams: readonly HeardDatagram[],
  changes: Partial<MulticastEvidence> = {},
): MulticastEvidence => ({
  ...{ host: 'ds.local', listenMs: 2000, heard: datagrams },
  hearings: [hearingOf({ heardCount: datagrams.length })],
  ...changes,
});

/** A request that was answered; `rangeStart` where a later part was asked for. */
export const answered = (
  statusCode: number,
  headers: Readonly<Record<string, string>> = {},
  rangeStart: number | null = null,
): Exchange => ({ kind: 'answered', statusCode, headers, rangeStart, receivedAtMs: PROBED_AT_MS });

export const failed = (message: string, code: string | null = null) =>
  ({ kind: 'failed', message, code }) as const;

/** Of a sound answer. */
export const HEADERS = {
  'content-length': '100',
  'accept-ranges': 'bytes',
  etag: '"one"',
  date: new Date(PROBED_AT_MS).toUTCString(),
};
/** Of a sound answer to a request for byte 50 and on. */
export const PART_HEADERS = { ...HEADERS, 'content-length': '50', 'content-range': 'bytes 50-99/100' };

const SOUND: Evidence = {
  probedAtMs: PROBED_AT_MS,
  form: readUrlForm('http://ds.local/a.img'),
  given: GIVEN,
  links: [{ name: 'bn1', isBridge: true, isUp: true, hasCarrier: true, ipv4: ['10.1.0.1/24'] }],
  bridges: { kind: 'selected', bridges: [BN1] },
  multicast: multicastOf([heard([srv(), a()])]),
  target: { url: new URL('http://10.1.0.5/a.img'), location: { address: '10.1.0.5', bridge: BN1 } },
  notFound: null,
  connection: { kind: 'open' },
  tls: null,
  image: null,
  followed: [],
  refusedRedirect: null,
  whole: answered(200, HEADERS),
  part: answered(206, PART_HEADERS, 50),
  wholeFile: null,
  otherHosts: [],
  eve: null,
};

/** That a blob of an image was asked for in the place of a file. */
export const OF_IMAGE: NonNullable<Evidence['image']> = {
  ...{ name: 'ds.local/group/app:1', repository: 'group/app', tag: '1' },
  outcome: {
    ...{ kind: 'resolved', digest: 'sha256:aa', manifestDigest: 'sha256:bb', platform: 'linux/amd64' },
    ...{ blobs: 3, sizeBytes: 2048 },
  },
};

/** One piece of evidence, and what a check makes of it. */
export interface CheckCase {
  /** What differs from the sound datastore. */
  readonly evidence?: Partial<Evidence>;
  /** Each finding as `warning CODE` or `problem CODE FAILURE`. */
  readonly outcome: 'ok' | 'skipped' | readonly string[];
  /** What stands in the summary, the facts or the findings. */
  readonly says?: string;
}

/** A check's table: what is seen, and what it makes of that. */
export function describeCheck(check: Check, cases: Readonly<Record<string, CheckCase>>): void {
  describe(`the check ${check.id}`, () => {
    test.each(Object.entries(cases))('%s', (_, { evidence, outcome, says = '' }) => {
      const { verdict, summary, facts, findings } = runCheck(check, { ...SOUND, ...evidence });
      const found = findings.map((each) => [each.verdict, each.code, each.failure ?? []].flat().join(' '));
      if (typeof outcome === 'string') {
        expect([verdict, found]).toEqual([outcome, []]);
      } else {
        expect(found).toEqual(outcome);
        const isProblem = outcome.some((each) => each.startsWith('problem'));
        expect(verdict).toBe(isProblem ? 'problem' : 'warning');
      }
      expect(summary).not.toBe('');
      for (const { message, advice } of findings) expect([message, advice]).not.toContain('');
      expect(
        [summary, JSON.stringify(facts), ...findings.flatMap((each) => [each.message, each.advice])].join(
          '\n',
        ),
      ).toContain(says);
    });
  });
}
