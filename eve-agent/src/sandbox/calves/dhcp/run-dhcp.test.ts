// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { describe, expect, it } from 'vitest';
import { openCalfKeys } from '../../sdk/calf-keys.ts';
import { rightsOf } from '../../sdk/manifest.ts';
import { createDirectStoreClient } from '../../store/direct-client.ts';
import { createKeyStore, DEFAULT_KEY_QUOTA } from '../../store/key-store.ts';
import { ipv4Bytes } from './address-bytes.ts';
import { decodeArpFrame, encodeArpAnnouncement } from './arp.ts';
import { CLIENT_PORT, SERVER_PORT } from './client-message.ts';
import { DHCP } from './manifest.ts';
import { type DhcpMessage, decodeMessage, encodeMessage } from './message.ts';
import { MESSAGE_TYPES, type MessageType, OPTION } from './option-codes.ts';
import { runDhcp } from './run-dhcp.ts';
import { createScriptedFrames } from './scripted-frames.ts';
import { ADDRESS, CLIENT_MAC, SERVER, SERVER_MAC } from './test-fixtures.ts';
import { decodeUdpFrame, encodeUdpFrame } from './udp-frame.ts';

const PREFIX = ['dhcp', 'eth0'];

const audit = { append: () => {} };

function createServerSide(quota = DEFAULT_KEY_QUOTA) {
  const keys = createKeyStore({ audit, log: silentLog }, quota);
  const store = createDirectStoreClient(
    { store: keys, audit },
    { actor: 'dhcp-eth0', rights: rightsOf(DHCP, PREFIX) },
  );
  const calfKeys = openCalfKeys(DHCP.keys, PREFIX, store);
  /** All keys of the client, below its prefix. */
  const own = () =>
    Object.fromEntries(
      keys
        .list('/dhcp/eth0/**')
        .map(({ path, value }) => [path.slice(2).join('/'), Buffer.from(value).toString('latin1')] as const)
        .filter(([key]) => !['mac', 'remembered', 'wanted'].includes(key)),
    );
  const frames = createScriptedFrames();
  const clock = createManualClock();
  const controller = new AbortController();
  const write = (key: string, text: string) => keys.write('priv', [...PREFIX, key], Buffer.from(text));
  write('mac', CLIENT_MAC);
  const start = (options: { hostName?: string; isProbing?: boolean } = {}) =>
    runDhcp(
      { frames, keys: calfKeys, clock, random: () => 0.5, log: silentLog },
      { hostName: null, isProbing: false, ...options },
      controller.signal,
    );
  const ipOf = (frame: Buffer) => decodeUdpFrame(frame);
  /** The messages that the client has sent so far. */
  const asked = () =>
    frames.sent
      .filter((frame) => frame.readUInt16BE(12) === 0x0800)
      .map((frame) => {
        const message = decodeMessage(ipOf(frame).payload);
        const type = MESSAGE_TYPES[(message.options.get(OPTION.messageType)?.[0] ?? 0) - 1];
        return { type, message, frame: ipOf(frame) };
      });
  /** What a server says to the last message. */
  function answer(type: MessageType, more: ReadonlyMap<number, Buffer> = new Map()): Buffer {
    const last = asked().at(-1)?.message as DhcpMessage;
    const options = new Map([
      [OPTION.messageType, Buffer.from([MESSAGE_TYPES.indexOf(type) + 1])],
      [OPTION.serverIdentifier, ipv4Bytes(SERVER)],
      [OPTION.leaseTime, Buffer.from([0, 0, 0, 60])],
      [OPTION.subnetMask, ipv4Bytes('255.255.255.0')],
      ...more,
    ] as [number, Buffer][]);
    const payload = encodeMessage({ ...last, operation: 'reply', yourAddress: ADDRESS, options });
    return encodeUdpFrame({
      sourceMac: SERVER_MAC,
      targetMac: CLIENT_MAC,
      source: SERVER,
      target: ADDRESS,
      sourcePort: SERVER_PORT,
      targetPort: CLIENT_PORT,
      payload,
    });
  }
  /** Goes so far that a lease is held. */
  async function bind(more?: ReadonlyMap<number, Buffer>): Promise<void> {
    await expect.poll(() => clock.pendingTimers()).toBe(1);
    clock.advance(500);
    await expect.poll(() => asked().map(({ type }) => type)).toEqual(['discover']);
    await frames.deliver(answer('offer'));
    await expect.poll(() => asked().map(({ type }) => type)).toEqual(['discover', 'request']);
    await frames.deliver(answer('ack', more));
  }
  return { keys, own, frames, clock, controller, write, start, asked, answer, bind };
}

describe('the client', () => {
  it('writes the keys of its lease, and at last that it holds', async () => {
    const side = createServerSide();
    const order: string[] = [];
    side.keys.watch('/dhcp/**', ({ path }) => order.push(path.slice(2).join('/')));
    const done = side.start({ hostName: 'edge-7' });
    await side.bind(
      new Map([
        [OPTION.router, ipv4Bytes('10.0.0.2')],
        [OPTION.nameServer, Buffer.concat([ipv4Bytes('10.0.0.3'), ipv4Bytes('10.0.0.4')])],
        [OPTION.interfaceMtu, Buffer.from([5, 120])],
        [OPTION.domainName, Buffer.from('lan.test')],
        [OPTION.domainSearch, Buffer.from('\x01a\x00\x01b\x00')],
      ]),
    );
    await expect.poll(() => side.own().state).toBe('bound');
    expect(side.own()).toEqual({
      state: 'bound',
      ip: '10.0.0.5/24',
      gateway: '10.0.0.2',
      mtu: '1400',
      domain: 'lan.test',
      search: 'a b',
      'nameserver/001': '10.0.0.3',
      'nameserver/002': '10.0.0.4',
      server: SERVER,
      lease: '60',
      commit: 'lease 1',
    });
    expect(order.slice(-2)).toEqual(['commit', 'state']);
    expect(side.asked()[0]?.message.options.get(OPTION.hostName)?.toString()).toBe('edge-7');
    side.controller.abort();
    await done;
    expect(side.asked()).toHaveLength(2);
  });

  it('asks from no address to everybody, and for a renewal from its own to its server', async () => {
    const side = createServerSide();
    const done = side.start();
    await side.bind();
    expect(
      side.asked().map(({ frame }) => [frame.source, frame.target, frame.targetMac, frame.targetPort]),
    ).toEqual(Array(2).fill(['0.0.0.0', '255.255.255.255', 'ff:ff:ff:ff:ff:ff', 67]));
    side.clock.advance(30_000);
    await expect.poll(() => side.asked().length).toBe(3);
    expect(side.asked()[2]?.frame).toMatchObject({ source: ADDRESS, target: SERVER, targetMac: SERVER_MAC });
    await side.frames.deliver(side.answer('ack'));
    await expect.poll(() => side.own().commit).toBe('lease 2');
    side.controller.abort();
    await done;
  });

  it('takes back what a later lease does not have, and all when it is over', async () => {
    const side = createServerSide();
    const done = side.start();
    await side.bind(new Map([[OPTION.nameServer, ipv4Bytes('10.0.0.3')]]));
    await expect.poll(() => side.own()['nameserver/001']).toBe('10.0.0.3');
    side.clock.advance(30_000);
    await expect.poll(() => side.asked().length).toBe(3);
    await side.frames.deliver(side.answer('ack'));
    await expect.poll(() => side.own()['nameserver/001']).toBeUndefined();
    side.clock.advance(60_000);
    await expect.poll(() => side.own().commit).toBe('none 3 the lease is over');
    await expect.poll(() => Object.keys(side.own()).sort()).toEqual(['commit', 'state']);
    side.controller.abort();
    await done;
  });

  it('gives its address back when that is wanted, and ends', async () => {
    const side = createServerSide();
    const done = side.start();
    await side.bind();
    side.write('wanted', 'nothing');
    await done;
    expect(side.asked().at(-1)).toMatchObject({ type: 'release', message: { clientAddress: ADDRESS } });
    expect(side.own()).toMatchObject({ commit: 'none 2 given back', state: 'stopped' });
  });

  it('asks for nothing where nothing is wanted from the beginning', async () => {
    const side = createServerSide();
    side.write('wanted', 'nothing');
    await side.start();
    expect(side.frames.sent).toEqual([]);
  });

  it('begins with the address that was held before', async () => {
    const side = createServerSide();
    side.write('remembered', '10.0.0.77');
    const done = side.start();
    await expect.poll(() => side.asked().length).toBe(1);
    expect(side.asked()[0]?.message.options.get(OPTION.requestedAddress)).toEqual(ipv4Bytes('10.0.0.77'));
    side.controller.abort();
    await done;
  });

  it('probes, and declines what somebody else has', async () => {
    const side = createServerSide();
    const done = side.start({ isProbing: true });
    await side.bind();
    side.clock.advance(500);
    await expect.poll(() => side.frames.sent.length).toBe(3);
    expect(decodeArpFrame(side.frames.sent[2] as Buffer)).toMatchObject({
      senderAddress: '0.0.0.0',
      targetAddress: ADDRESS,
    });
    await side.frames.deliver(encodeArpAnnouncement('02:00:00:00:00:99', ADDRESS));
    await expect.poll(() => side.asked().at(-1)?.type).toBe('decline');
    expect(side.own().ip).toBeUndefined();
    side.controller.abort();
    await done;
  });

  it('outlives anything that is no packet', async () => {
    const side = createServerSide();
    const done = side.start();
    await expect.poll(() => side.clock.pendingTimers()).toBe(1);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(13), Buffer.alloc(60), Buffer.alloc(600, 255)])
      await side.frames.deliver(bytes);
    await side.bind();
    await expect.poll(() => side.own().commit).toBe('lease 1');
    side.controller.abort();
    await done;
  });

  it('reads no more than 200 frames in a second', async () => {
    const side = createServerSide();
    const done = side.start();
    await expect.poll(() => side.clock.pendingTimers()).toBe(1);
    side.clock.advance(500);
    await expect.poll(() => side.asked().length).toBe(1);
    for (let count = 0; count < 200; count += 1) await side.frames.deliver(Buffer.alloc(60));
    await side.frames.deliver(side.answer('offer'));
    expect(side.asked()).toHaveLength(1);
    side.clock.advance(1000);
    await side.frames.deliver(side.answer('offer'));
    await expect.poll(() => side.asked().length).toBe(2);
    side.controller.abort();
    await done;
  });

  it('waits longer than timers of Node can', async () => {
    const side = createServerSide();
    const done = side.start();
    await side.bind(new Map([[OPTION.leaseTime, Buffer.from([0xff, 0xff, 0xff, 0xfe])]]));
    // The announcements, then as long as a timer can wait, without a renewal that is due far later.
    side.clock.advance(2 ** 31 - 1);
    expect(side.asked()).toHaveLength(2);
    expect(side.clock.pendingTimers()).toBe(1);
    side.clock.advance(2_147_483_647_000 - 2 ** 31 + 1);
    await expect.poll(() => side.asked().length).toBe(3);
    side.controller.abort();
    await done;
  });

  it('ends with what the store refuses, and without a hardware address', async () => {
    const side = createServerSide({ keys: 3, bytes: 1000 });
    const done = side.start();
    const failed = expect(done).rejects.toMatchObject({ code: 'QUOTA' });
    await side.bind();
    await failed;
    const other = createServerSide();
    other.write('mac', 'nonsense');
    await expect(other.start()).rejects.toThrow('no hardware address');
  });
});
