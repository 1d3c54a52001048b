// SPDX-License-Identifier: Apache-2.0
/**
 * What EVE's downloader needs on the wire (`findDSmDNS` in lf-edge/eve, over hashicorp/mdns and miekg/dns):
 * asked byte for byte as it asks, judged byte for byte as it judges.
 */
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HeardPacket, type MdnsPeer, startMdnsPeer } from '../integration/mdns-peer.ts';
import { createAuthority } from '../lab/authorities.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import {
  parseWirePacket,
  ptrQuery,
  query,
  RECORD_TYPES,
  type WirePacket,
  type WireRecord,
  wireName,
} from './wire-packet.ts';

const BRIDGE_ADDRESS = '10.1.0.1';
const DATASTORE_ADDRESS = '10.1.0.5';
/** What the datastore's interface has: EVE's bridge knows the one address, whatever stands before it. */
const ADDRESS_SETS = [
  { what: 'one address', cidrs: ['10.1.0.5/24'] },
  { what: 'the right address last of three', cidrs: ['169.254.7.7/16', '192.168.7.5/24', '10.1.0.5/24'] },
];
/** Both cases, so that a name that is folded anywhere shows. */
const HOST_LABEL = 'Edge-DS';
const HOST_NAME = wireName(HOST_LABEL, 'local');
const TCP_LOCAL = wireName('_tcp', 'local');
const ENUMERATION = wireName('_services', '_dns-sd', '_udp', 'local');
const RESPONSE_FLAGS = 0x8400;
/** EVE asks twice at once, then again after about this long. */
const EVE_REPEAT_MS = 4000;

const SERVICES = [
  { label: '_workstation', port: 9 },
  { label: '_http', port: 80 },
  { label: '_https', port: 443 },
];
/** Run on the bridge's side: ends when the datastore says that it is ready. */
const AWAIT_READY = `
  import { setTimeout as delay } from 'node:timers/promises';
  const ask = () => fetch('http://${DATASTORE_ADDRESS}/-/readyz').catch(() => undefined);
  while ((await ask())?.status !== 200) await delay(50);
`;

const typeName = (label: string) => wireName(label, '_tcp', 'local');
const randomId = () => randomInt(1, 0x1_0000);

const isOwnedBy = (name: Buffer) => (record: WireRecord) => record.owner.equals(name);
const ofType = (type: number) => (record: WireRecord) => record.type === type;

describeWith(['lab', 'openssl'], "EVE's wire contract", () => {
  describe.each(ADDRESS_SETS)('$what', ({ cidrs }) => contract(cidrs));
});

function contract(cidrs: readonly string[]): void {
  const addresses = cidrs.map((cidr) => cidr.split('/')[0] as string);
  let lab: Lab;
  let eve: MdnsPeer;
  let datastore: ChildProcess;
  let folder: string;
  let isStopping = false;

  const fromDatastore = () => eve.heard().filter(({ source }) => addresses.includes(source));
  const read = ({ bytes }: HeardPacket): WirePacket => parseWirePacket(bytes);

  /** An announcement lists its service type as well (RFC 6763 §9); an answer does not. */
  const isAnnouncement = (heard: HeardPacket) => read(heard).records.some(isOwnedBy(ENUMERATION));

  /** The first response to what is sent that holds an answer of this owner. */
  async function ask(owner: Buffer, ...datagrams: Buffer[]): Promise<HeardPacket> {
    const before = eve.heard().length;
    await eve.send(...datagrams);
    const isAnswer = (heard: HeardPacket) =>
      !isAnnouncement(heard) && read(heard).records.some(isOwnedBy(owner));
    return eve.waitFor('answer', isAnswer, before);
  }

  beforeAll(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', `${BRIDGE_ADDRESS}/24`);
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1' });
    for (const cidr of cidrs) await app.mustRun(['ip', 'address', 'add', cidr, 'dev', 'eth0']);
    eve = await startMdnsPeer(lab.host, BRIDGE_ADDRESS);

    folder = await mkdtemp(join(tmpdir(), 'eve-wire-'));
    await mkdir(join(folder, 'root'));
    const ca = await createAuthority(folder, 'lab');
    const leaf = await ca.issue('ds', `IP:${DATASTORE_ADDRESS}`);
    datastore = app.start(
      [
        ...['node', 'datastore-app/src/main.ts', 'serve', '--host-name', HOST_LABEL],
        ...['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--log-level', 'warn'],
        ...['--tls-certificate', leaf.certificate, '--tls-key', leaf.key],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await lab.host.mustRun(['node', '--input-type=module', '--eval', AWAIT_READY]);
  });
  afterAll(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  test.each(SERVICES)('answers for $label with SRV and A in one datagram', async ({ label, port }) => {
    const question = ptrQuery(randomId(), label, '_tcp', 'local');
    const heard = await ask(typeName(label), question, question);
    const { records, flags, questionCount } = read(heard);
    expect({ source: heard.source, sourcePort: heard.sourcePort }).toEqual({
      source: DATASTORE_ADDRESS,
      sourcePort: 5353,
    });
    expect({ flags, questionCount }).toEqual({ flags: RESPONSE_FLAGS, questionCount: 0 });

    const [pointer, ...otherPointers] = records.filter(ofType(RECORD_TYPES.PTR));
    expect(otherPointers).toEqual([]);
    expect(pointer?.owner).toEqual(typeName(label));

    const instance = pointer?.target as Buffer;
    const [srv, ...otherSrvs] = records.filter(ofType(RECORD_TYPES.SRV));
    expect(otherSrvs).toEqual([]);
    expect(srv?.owner).toEqual(instance);
    expect(srv?.data.readUInt16BE(4)).toBe(port);
    expect(srv?.target).toEqual(HOST_NAME);

    const [first, ...more] = records.filter(ofType(RECORD_TYPES.A)).map(({ owner, data }) => {
      expect(owner).toEqual(srv?.target);
      return [...data].join('.');
    });
    expect(first).toBe(DATASTORE_ADDRESS);
    expect([first, ...more].sort()).toEqual([...addresses].sort());
    const txt = records.find(ofType(RECORD_TYPES.TXT));
    expect(txt?.owner).toEqual(instance);
    expect(records.filter(ofType(RECORD_TYPES.AAAA))).toEqual([]);
  });

  test('answers the repetition after 4 s as well', async () => {
    const question = () => ptrQuery(randomId(), '_workstation', '_tcp', 'local');
    const first = question();
    await ask(typeName('_workstation'), first, first);
    await delay(EVE_REPEAT_MS);
    const repeated = await ask(typeName('_workstation'), question());
    expect(read(repeated).records.filter(ofType(RECORD_TYPES.A))).toHaveLength(addresses.length);
  });

  test('answers a question for the host itself, and at once when it is asked first', async () => {
    const pointer = () => ptrQuery(randomId(), '_http', '_tcp', 'local');
    const address = () => query(randomId(), RECORD_TYPES.A, HOST_NAME);
    const typesOf = ({ packet }: HeardPacket) => packet.answers?.map(({ type }) => type) ?? [];
    const hasAnswerOf = (type: string) => (heard: HeardPacket) =>
      !isAnnouncement(heard) && typesOf(heard).includes(type as 'A');

    // A unique record is answered without delay, a shared one after 20 to 120 ms (RFC 6762 §6).
    let before = eve.heard().length;
    await eve.send(address(), pointer());
    const host = await eve.waitFor('address', hasAnswerOf('A'), before);
    expect(new Set(typesOf(host))).toEqual(new Set(['A']));
    expect(read(host).records[0]?.owner).toEqual(HOST_NAME);
    await eve.waitFor('pointer', hasAnswerOf('PTR'), before);

    // Asked the other way round, ciao lets the address wait for the pointer: one datagram answers both.
    before = eve.heard().length;
    await eve.send(pointer(), address());
    const both = await eve.waitFor('address', hasAnswerOf('A'), before);
    expect(new Set(typesOf(both))).toEqual(new Set(['A', 'PTR']));
  });

  test('matches names whatever their case, and answers in its own', async () => {
    const heard = await ask(typeName('_http'), ptrQuery(randomId(), '_HTTP', '_TCP', 'LOCAL'));
    expect(read(heard).records.find(ofType(RECORD_TYPES.A))?.owner).toEqual(HOST_NAME);
    const address = await ask(HOST_NAME, query(randomId(), RECORD_TYPES.A, wireName('eDGE-ds', 'LOCAL')));
    expect(read(address).records.find(ofType(RECORD_TYPES.A))?.owner).toEqual(HOST_NAME);
  });

  test('says goodbye on SIGTERM for every service', async () => {
    isStopping = true;
    const closed = once(datastore, 'close');
    const before = eve.heard().length;
    datastore.kill('SIGTERM');
    await closed;
    expect(datastore.exitCode).toBe(0);
    for (const { label } of SERVICES) {
      const goodbye = await eve.waitFor(
        `goodbye of ${label}`,
        (heard) => read(heard).records.some(isOwnedBy(typeName(label))),
        before,
      );
      const ttls = read(goodbye).records.map(({ type, ttlSeconds }) => ({ type, ttlSeconds }));
      expect(ttls).toEqual(ttls.map(({ type }) => ({ type, ttlSeconds: 0 })));
      expect(ttls.map(({ type }) => type)).toEqual(
        expect.arrayContaining([RECORD_TYPES.PTR, RECORD_TYPES.SRV, RECORD_TYPES.TXT, RECORD_TYPES.A]),
      );
    }
  });

  test('sent nothing, from its first probe on, that EVE would choke on', async () => {
    expect(isStopping).toBe(true);
    const isGoodbye = ({ records }: WirePacket) => records.some(({ ttlSeconds }) => ttlSeconds === 0);
    // Once from every network of the link.
    await expect
      .poll(() => fromDatastore().map(read).filter(isGoodbye).length)
      .toBe(SERVICES.length * cidrs.length);
    const packets = fromDatastore().map(read);
    expect(packets.length).toBeGreaterThan(20);
    for (const { records } of packets) {
      const pointers = records.filter(ofType(RECORD_TYPES.PTR));
      // One instance of a service type a packet: two can block EVE's downloader for ever.
      const owners = pointers.map(({ owner }) => owner.toString('latin1'));
      expect(owners).toEqual([...new Set(owners)]);
      for (const { owner } of records.filter(ofType(RECORD_TYPES.SRV))) {
        expect(pointers.map(({ target }) => target?.toString('latin1'))).toContain(owner.toString('latin1'));
      }
      // What leads to a host names its addresses in the same datagram, spelt the same.
      for (const { target } of records.filter(ofType(RECORD_TYPES.SRV))) {
        const told = records.filter(ofType(RECORD_TYPES.A)).filter(isOwnedBy(target as Buffer));
        expect(told.map(({ data }) => [...data].join('.')).sort()).toEqual([...addresses].sort());
      }
      const ttls = new Set(records.map(({ ttlSeconds }) => ttlSeconds === 0));
      expect(ttls.size).toBeLessThanOrEqual(1);
    }
    // Nothing comes after the first of them but more of them.
    expect(packets.length - packets.findIndex(isGoodbye)).toBe(SERVICES.length * cidrs.length);
    const typeNames = packets
      .flatMap(({ records }) => records.map(({ owner }) => owner))
      .filter((owner) => owner.toString('latin1').toLowerCase().includes('_tcp'));
    expect(typeNames.filter((name) => !name.subarray(-TCP_LOCAL.length).equals(TCP_LOCAL))).toEqual([]);
  });
}
