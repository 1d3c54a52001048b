// SPDX-License-Identifier: Apache-2.0
/**
 * The doctor against download, over neighbours good and bad on one bridge: however a row's peer answers by multicast
 * DNS, the one finds what the other finds.
 */
import { type Answer, encode, type Packet } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import type { BothRuns } from './both-commands.ts';
import { type MdnsPeerScript, startMdnsPeers } from './mdns-peers.ts';

/** What a row's records are made of. */
interface Names {
  readonly host: string;
  readonly address: string;
}
type Rules = MdnsPeerScript['rules'];

const a = ({ host, address }: Names, ttl = 120): Answer => ({ name: host, type: 'A', ttl, data: address });
const aaaa = ({ host }: Names): Answer => ({ name: host, type: 'AAAA', ttl: 120, data: 'fe80::5' });
const cname = ({ host }: Names): Answer => ({ name: host, type: 'CNAME', ttl: 120, data: 'other.local' });
const srv = ({ host }: Names): Answer => ({
  ...{ name: `${host.split('.')[0]}._http._tcp.local`, type: 'SRV', ttl: 120 },
  data: { port: 80, target: host },
});
const ptr = ({ host }: Names): Answer => ({
  ...{ name: '_http._tcp.local', type: 'PTR', ttl: 4500, data: `${host.split('.')[0]}._http._tcp.local` },
});

const AUTHORITATIVE = 0x0400;
const bytesOf = (packet: Packet) => encode({ type: 'response', flags: AUTHORITATIVE, ...packet });
/** Sends the bytes when asked for the host's address or for services. */
const forBoth = (host: string, bytes: Buffer, more: Partial<Rules[number]> = {}): Rules =>
  [`A ${host}`, 'PTR _http._tcp.local'].map((question) => ({
    question,
    hex: bytes.toString('hex'),
    ...more,
  }));

const all = (names: Names) => [ptr(names), srv(names), a(names)];
const answer =
  (records: (names: Names) => Answer[], more: Partial<Rules[number]> = {}) =>
  (names: Names): Rules =>
    forBoth(names.host, bytesOf({ answers: records(names) }), more);
/** A sound answer of which some bytes are changed. */
const spoilt =
  (spoil: (bytes: Buffer) => Buffer | undefined) =>
  (names: Names): Rules => {
    const bytes = bytesOf({ answers: all(names) });
    return forBoth(names.host, spoil(bytes) ?? bytes);
  };
const withFlags = (flags: number) => spoilt((bytes) => void bytes.writeUInt16BE(flags, 2));
const at = (address: string) => answer((names) => all({ ...names, address }));

/** The exit code, and null where only that both agree matters: what counts is judged by the tests of discovery. */
type Row = [
  name: string,
  rules: (names: Names) => Rules,
  exitCode: number | null,
  web?: MdnsPeerScript['web'],
];

const ROWS: readonly Row[] = [
  ['as it should be', answer(all), 0],
  ['an address alone, no service', answer((names) => [a(names)]), 0],
  [
    'service and address apart',
    (names) => [
      {
        question: 'PTR _http._tcp.local',
        hex: bytesOf({ answers: [ptr(names), srv(names)] }).toString('hex'),
      },
      { question: `A ${names.host}`, hex: bytesOf({ answers: [a(names)] }).toString('hex') },
    ],
    0,
  ],
  ['in another case', answer((names) => all({ ...names, host: names.host.toUpperCase() })), 0],
  ['by unicast', answer(all, { byUnicast: true }), null],
  ['from another port', answer(all, { fromOtherPort: true }), 3],
  ['from another port, by unicast', answer(all, { fromOtherPort: true, byUnicast: true }), 3],
  ['with RCODE 3', withFlags(0x8403), 3],
  ['with RCODE 5', withFlags(0x8405), 3],
  ['with an opcode', withFlags(0xac00), 3],
  ['not authoritative', withFlags(0x8000), 0],
  ['truncated, by its flag', withFlags(0x8600), 0],
  ['with reserved bits', withFlags(0x8470), null],
  ['as a query', withFlags(0x0000), 3],
  ['cut off behind its header', spoilt((bytes) => bytes.subarray(0, 12)), null],
  ['cut off in its last record', spoilt((bytes) => bytes.subarray(0, -2)), 3],
  ['a length that goes beyond', spoilt((bytes) => void bytes.writeUInt16BE(400, bytes.length - 6)), 3],
  ['no DNS at all', spoilt(() => Buffer.from('hello, who is there?')), 3],
  [
    'with a malformed record beside',
    (names) => {
      const bad = { name: names.host, type: 'UNKNOWN_28', ttl: 120, data: Buffer.from('no address') };
      return forBoth(names.host, bytesOf({ answers: [bad as unknown as Answer, ...all(names)] }));
    },
    0,
  ],
  ['with 600 records', answer((names) => [...all(names), ...Array.from({ length: 600 }, () => a(names))]), 3],
  ['an address of another network', at('192.168.7.5'), 3],
  [
    'another network’s beside the right one',
    answer((names) => [a({ ...names, address: '192.168.7.5' }), ...all(names)]),
    0,
  ],
  ['the bridge’s own address', at('10.1.0.1'), 3],
  ['the network’s address', at('10.1.0.0'), 3],
  ['the broadcast address', at('10.1.0.255'), 3],
  ['loopback', at('127.0.0.1'), 3],
  ['an address that nobody has', at('10.1.0.250'), 4],
  ['taken back', answer((names) => [ptr(names), srv(names), a(names, 0)]), 3],
  ['IPv6 alone', answer((names) => [ptr(names), srv(names), aaaa(names)]), 3],
  ['a service without an address', answer((names) => [ptr(names), srv(names)]), 3],
  ['an alias', answer((names) => [cname(names)]), 3],
  ['a name that holds the wanted one', answer((names) => all({ ...names, host: `x${names.host}` })), 3],
  ['silence', () => [], 3],
  ['no web server', answer(all), 4, null],
  ['a redirect on the host', answer(all), 0, '/there'],
  ['a redirect to another name', answer(all), 4, 'http://elsewhere.local/there'],
  ['a redirect to nothing there', answer(all), 4, '/gone'],
];

/** Every row has a name and an address of its own, so that all can be asked at once. */
const namesOf = (index: number): Names => ({
  host: `peer${String(index).padStart(2, '0')}.local`,
  address: `10.1.0.${10 + index}`,
});

describeWith(['lab'], 'doctor and download find the same', () => {
  let lab: Lab;
  const runs = new Map<string, BothRuns>();

  beforeAll(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const app = await lab.addApp({ name: 'peers', bridge: 'bn1', address: `${namesOf(0).address}/24` });
    const peers = ROWS.map(([, rules, , web = 'file'], index) => {
      const names = namesOf(index);
      return { address: names.address, rules: rules(names), web };
    });
    const commands = peers.slice(1).map(({ address }) => `ip address add ${address}/24 dev eth0`);
    await app.mustRun(['sh', '-c', commands.join(' && ')]);
    await startMdnsPeers(app, peers);
    const urls = ROWS.map((_, index) => `http://${namesOf(index).host}/image.img`);
    const program = ['node', 'test/integration/programs/both-commands.ts', JSON.stringify(urls)];
    const stdout = await lab.host.mustRun(program, { timeoutMs: 600_000 });
    for (const line of stdout.trim().split('\n')) {
      const { url, ...run } = JSON.parse(line) as BothRuns & { url: string };
      runs.set(new URL(url).hostname, run);
    }
  });
  afterAll(() => lab?.stop());

  test.each(ROWS.map(([name, , exitCode], index) => ({ name, exitCode, host: namesOf(index).host })))(
    '$name',
    ({ exitCode, host }) => {
      const { doctor, download } = runs.get(host) as BothRuns;
      const both = `doctor: ${doctor.verdict}; download: ${download.lastWord}`;
      expect(doctor.exitCode, both).toBe(download.exitCode);
      expect(doctor.isUsable, both).toBe(download.exitCode === 0);
      if (exitCode !== null) expect(download.exitCode, both).toBe(exitCode);
    },
  );
});
