// SPDX-License-Identifier: Apache-2.0
/** Every address of an interface is advertised to the link where it belongs, and none hides another. */
import { encode } from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import { addressesOf, type HeardPacket, isGoodbye, type MdnsPeer, startMdnsPeer } from './mdns-peer.ts';
import {
  isAnnouncement,
  isReady,
  isResponse,
  question,
  startAdvertiser,
  statesOf,
} from './running-advertiser.ts';

/** Another network on the link of bn1. */
const MANAGEMENT = '192.168.7.1';

const addressOf = (cidr: string) => cidr.split('/')[0] as string;
const namesHost = (heard: HeardPacket) => addressesOf(heard).length > 0;

describeWith(['lab'], 'an interface with several addresses', () => {
  let lab: Lab;
  let app: App;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.host.mustRun(['ip', 'address', 'add', `${MANAGEMENT}/24`, 'dev', 'bn1']);
    app = await lab.addApp({ name: 'ds', bridge: 'bn1' });
  });
  afterEach(() => lab.stop());

  const address = (verb: 'add' | 'del', cidr: string, dev = 'eth0') =>
    app.mustRun(['ip', 'address', verb, cidr, 'dev', dev]);

  /**
   * What the group is told in answer to a question, from a network. EVE takes any source; a careful querier,
   * such as the agent, one of its own subnet (RFC 6762 §11).
   */
  async function ask(peer: MdnsPeer, datagram: Buffer, network = ''): Promise<HeardPacket> {
    const before = peer.heard().length;
    await peer.send(datagram);
    const isAnswer = (heard: HeardPacket) => isResponse(heard) && !isAnnouncement(heard) && namesHost(heard);
    const isFromNetwork = ({ source }: HeardPacket) => source.startsWith(network);
    return peer.waitFor(`answer from ${network}`, (heard) => isAnswer(heard) && isFromNetwork(heard), before);
  }

  test.each([
    { what: 'a link-local address first', cidrs: ['169.254.3.4/16', '10.1.0.5/24'] },
    { what: 'a management address first', cidrs: ['192.168.7.5/24', '10.1.0.5/24'] },
    { what: 'two of one subnet', cidrs: ['10.1.0.5/24', '10.1.0.6/24'] },
    { what: 'an address of its own first', cidrs: ['10.1.0.9/32', '10.1.0.5/24'] },
    { what: 'a point-to-point address first', cidrs: ['172.16.0.2/32', '10.1.0.5/24'] },
    {
      what: 'all of these',
      cidrs: ['169.254.3.4/16', '172.16.0.2/32', '192.168.7.5/24', '10.1.0.5/24', '10.1.0.6/24'],
    },
  ])('$what: all are told, that of the asker first', async ({ cidrs }) => {
    for (const cidr of cidrs) await address('add', cidr);
    const peer = await startMdnsPeer(lab.host, '10.1.0.1');
    const manager = await startMdnsPeer(lab.host, MANAGEMENT);
    const advertiser = startAdvertiser(app);
    const { interfaces } = await advertiser.status.waitFor('ready', isReady);
    const all = cidrs.map(addressOf);
    expect(new Set(interfaces[0]?.addresses)).toEqual(new Set(all));

    for (const datagram of [question('_http._tcp.local'), question('ds.local', 'A')]) {
      const answer = await ask(peer, datagram, '10.1.0.');
      expect(addressesOf(answer)[0]).toMatch(/^10\.1\.0\./);
      expect(new Set(addressesOf(answer))).toEqual(new Set(all));
      if (!all.includes('192.168.7.5')) continue;
      const managed = await ask(manager, datagram, '192.168.7.');
      expect(addressesOf(managed)[0]).toBe('192.168.7.5');
    }

    await advertiser.stop();
    await peer.waitFor('goodbye', isGoodbye);
    // From the first probe to the goodbye: whoever hears of one address hears of all.
    const told = peer.heard().filter(namesHost);
    for (const heard of told) expect(new Set(addressesOf(heard))).toEqual(new Set(all));
    expect(told.filter((heard) => isAnnouncement(heard) && heard.source.startsWith('10.1.0.'))).not.toEqual(
      [],
    );
    expect(statesOf(advertiser)).not.toContain('conflict');
  });

  test('who knows a part of the addresses is told of all, who knows all of none', async () => {
    for (const cidr of ['10.1.0.5/24', '10.1.0.6/24']) await address('add', cidr);
    const peer = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app, { services: 'http' });
    await advertiser.status.waitFor('ready', isReady);
    const knowing = (ttl: number, ...known: string[]) =>
      encode({
        type: 'query',
        questions: [{ name: 'ds.local', type: 'A' }],
        answers: known.map((data) => ({ name: 'ds.local', type: 'A' as const, ttl, data })),
      });
    const isPointer = (heard: HeardPacket) =>
      !isAnnouncement(heard) && heard.packet.answers?.some(({ type }) => type === 'PTR') === true;
    /** What was answered to all questions before has been heard with this answer. */
    const askPointer = async (...datagrams: readonly Buffer[]) => {
      const before = peer.heard().length;
      await peer.send(...datagrams, question('_http._tcp.local'));
      await peer.waitFor('pointer', isPointer, before);
    };
    for (const datagram of [knowing(120, '10.1.0.5'), knowing(20, '10.1.0.5', '10.1.0.6')]) {
      await askPointer();
      expect(addressesOf(await ask(peer, datagram))).toEqual(['10.1.0.5', '10.1.0.6']);
    }
    await askPointer();
    const before = peer.heard().length;
    await askPointer(knowing(120, '10.1.0.6', '10.1.0.5'));
    expect(
      peer
        .heard()
        .slice(before)
        .filter((heard) => !isAnnouncement(heard)),
    ).toHaveLength(1);
  });

  test('follows addresses that are added and removed, also the first', async () => {
    await address('add', '10.1.0.5/24');
    const peer = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app, { services: 'http' });
    await advertiser.status.waitFor('ready', isReady);
    const steps = [
      { change: () => address('add', '192.168.7.5/24'), told: ['10.1.0.5', '192.168.7.5'] },
      { change: () => address('del', '10.1.0.5/24'), told: ['192.168.7.5'] },
      { change: () => address('add', '10.1.0.9/24'), told: ['10.1.0.9', '192.168.7.5'] },
    ];
    for (const { change, told } of steps) {
      const from = advertiser.status.all.length;
      await change();
      await advertiser.status.waitFor(
        `ready with ${told}`,
        ({ isReady, interfaces }) =>
          isReady && [...(interfaces[0]?.addresses ?? [])].sort().join() === told.join(),
        { from },
      );
      expect(addressesOf(await ask(peer, question('_http._tcp.local')))).toEqual(told);
    }
  });

  test('two interfaces on one link tell of both addresses, without a conflict', async () => {
    await address('add', '10.1.0.5/24');
    const peer = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app, { services: 'http' });
    await advertiser.status.waitFor('ready', isReady);
    const second =
      'ip link add veth-ds2 type veth peer name eth1 netns ds && ip link set veth-ds2 master bn1 up && ' +
      'ip -n ds address add 10.1.0.6/24 dev eth1 && ip -n ds link set eth1 up';
    await lab.host.mustRun(['sh', '-c', second]);
    const ready = await advertiser.status.waitFor(
      'both ready',
      ({ isReady, interfaces }) => isReady && interfaces.length === 2,
    );
    expect(ready.interfaces.map(({ name, addresses }) => ({ name, addresses }))).toEqual([
      { name: 'eth0', addresses: ['10.1.0.5'] },
      { name: 'eth1', addresses: ['10.1.0.6'] },
    ]);
    const answer = await ask(peer, question('_http._tcp.local'));
    expect(new Set(addressesOf(answer))).toEqual(new Set(['10.1.0.5', '10.1.0.6']));

    await lab.host.mustRun(['ip', 'link', 'del', 'veth-ds2']);
    const left = await advertiser.status.waitFor(
      'the first alone',
      ({ isReady, interfaces }) => isReady && interfaces.length === 1,
      { from: advertiser.status.all.indexOf(ready) + 1 },
    );
    expect(left.interfaces[0]?.addresses).toEqual(['10.1.0.5']);
    expect(addressesOf(await ask(peer, question('_http._tcp.local')))).toEqual(['10.1.0.5']);
    expect(statesOf(advertiser)).not.toContain('conflict');
  });
});
