// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { encode } from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdvertiserStatus } from '../../datastore-app/src/advertise/advertiser.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import { addressesOf, type HeardPacket, isGoodbye, startMdnsPeer, targetsOf } from './mdns-peer.ts';
import {
  hasAnswer,
  isReady,
  isResponse,
  question,
  type RunningAdvertiser,
  startAdvertiser,
  statesOf,
} from './running-advertiser.ts';

const IDLE_WINDOW_MS = 20_000;

describeWith(['lab'], 'advertising', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
  });
  afterEach(() => lab.stop());

  test('announces without a default route, falls silent when idle, says goodbye on stop', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    expect(await app.mustRun(['ip', 'route', 'show', 'default'])).toBe('');
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app);
    const ready = await advertiser.status.waitFor('ready', isReady);
    expect(ready).toEqual({
      isReady: true,
      reasons: [],
      warnings: [],
      hostName: 'ds.local',
      interfaces: [
        {
          name: 'eth0',
          address: '10.1.0.5',
          addresses: ['10.1.0.5'],
          services: ['_workstation._tcp.local', '_http._tcp.local', '_https._tcp.local'],
          state: 'ready',
        },
      ],
    });
    // Three announcements a service, the last of them 3 s after its first; our own answer is no announcement.
    const announcements = (type: string) =>
      host.heard().filter(({ packet }) => {
        const names = packet.answers?.map(({ name }) => name) ?? [];
        return names.includes('_services._dns-sd._udp.local') && names.includes(`${type}._tcp.local`);
      });
    const types = ['_workstation', '_http', '_https'];
    await host.waitFor('last announcements', () => types.every((type) => announcements(type).length >= 3));
    expect(new Set(host.heard().flatMap(targetsOf))).toEqual(new Set(['ds.local']));
    expect(new Set(host.heard().flatMap(addressesOf))).toEqual(new Set(['10.1.0.5']));
    const before = host.heard().length;
    await delay(IDLE_WINDOW_MS);
    expect(host.heard().slice(before)).toEqual([]);

    await advertiser.stop();
    for (const type of ['_workstation', '_http', '_https']) {
      await host.waitFor(`goodbye of ${type}`, (heard) => {
        const names = heard.packet.answers?.map(({ name }) => name) ?? [];
        return isGoodbye(heard) && names.includes(`${type}._tcp.local`);
      });
    }
    expect(advertiser.child.exitCode).toBe(0);
  });

  test('waits for an interface that has no address yet', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1' });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const unnamed = startAdvertiser(app);
    const named = startAdvertiser(app, { hostLabel: 'other', services: 'http', interfaces: ['eth0'] });
    const waiting = await unnamed.status.waitFor('waiting', ({ interfaces }) => interfaces.length === 0);
    expect(waiting.isReady).toBe(false);
    expect(waiting.reasons).toEqual(['no network interface has an IPv4 address yet']);
    const waitingNamed = await named.status.waitFor('waiting', ({ reasons }) => reasons.length > 0);
    expect(waitingNamed.reasons).toEqual(['interface eth0 is absent, down or without an IPv4 address']);

    await app.setAddress('10.1.0.5/24');
    await unnamed.status.waitFor('ready', isReady);
    await named.status.waitFor('ready', isReady);
    await host.waitFor('announcement', (heard) => hasAnswer(heard, '10.1.0.5'));
  });

  test('announces another address, and only that', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor('ready', isReady);
    await app.setAddress('10.1.0.9/24');
    await advertiser.status.waitFor(
      'ready with the new address',
      ({ isReady, interfaces }) => isReady && interfaces[0]?.address === '10.1.0.9',
    );
    await host.waitFor('announcement', (heard) => hasAnswer(heard, '10.1.0.9'));

    const before = host.heard().length;
    await host.send(question('_http._tcp.local'));
    const answer = await host.waitFor('answer', (heard) => isResponse(heard), before);
    expect(answer.source).toBe('10.1.0.9');
    expect(addressesOf(answer)).toEqual(['10.1.0.9']);
  });

  test('follows an interface that is removed and added again, slowly or at once', async () => {
    const mac = '02:16:3e:00:00:05';
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24', mac });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app, { interfaces: ['eth0'] });
    await advertiser.status.waitFor('ready', isReady);
    const remove = 'ip link del veth-ds';
    const add = [
      `ip link add veth-ds type veth peer name eth0 address ${mac} netns ds`,
      'ip link set veth-ds master bn1 up',
      'ip -n ds address add 10.1.0.5/24 dev eth0',
      'ip -n ds link set eth0 up',
    ].join(' && ');

    await lab.host.mustRun(['sh', '-c', remove]);
    const absent = await advertiser.status.waitFor('absent', ({ interfaces }) => interfaces.length === 0);
    expect(absent.reasons).toEqual(['interface eth0 is absent, down or without an IPv4 address']);

    let from = advertiser.status.all.length;
    let heardBefore = host.heard().length;
    await lab.host.mustRun(['sh', '-c', add]);
    await advertiser.status.waitFor('ready again', isReady, { from });
    await host.waitFor('announcement', (heard) => hasAnswer(heard, '10.1.0.5'), heardBefore);

    from = advertiser.status.all.length;
    heardBefore = host.heard().length;
    await lab.host.mustRun(['sh', '-c', `${remove} && ${add}`]);
    await advertiser.status.waitFor('ready after an instant swap', isReady, { from });
    await host.waitFor('announcement', (heard) => hasAnswer(heard, '10.1.0.5'), heardBefore);
  });

  test('keeps its name in a conflict, is silent, and recovers when the other is gone', async () => {
    const firstApp = await lab.addApp({ name: 'first', bridge: 'bn1', address: '10.1.0.5/24' });
    const secondApp = await lab.addApp({ name: 'second', bridge: 'bn1', address: '10.1.0.6/24' });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const first = startAdvertiser(firstApp);
    await first.status.waitFor('first ready', isReady);

    const second = startAdvertiser(secondApp);
    const conflict = await second.status.waitFor(
      'conflict',
      ({ interfaces }) => interfaces[0]?.state === 'conflict',
    );
    expect(conflict.isReady).toBe(false);
    expect(conflict.hostName).toBe('ds.local');
    expect(conflict.reasons).toEqual([
      '10.1.0.5 uses the name ds.local on eth0: stop it there or choose another',
    ]);
    await host.waitFor('probe of the second', ({ source }) => source === '10.1.0.6');
    await first.stop();
    await host.waitFor('goodbye of the first', isGoodbye);
    expect(host.heard().filter((heard) => heard.source === '10.1.0.6' && isResponse(heard))).toEqual([]);

    const from = second.status.all.indexOf(conflict);
    await second.status.waitFor('second ready', isReady, { from });
    await host.waitFor('announcement', (heard) => hasAnswer(heard, '10.1.0.6'));
    expect(new Set(host.heard().flatMap(targetsOf))).toEqual(new Set(['ds.local']));
  });

  test('one of two gives way when two bridges become one', async () => {
    await lab.addBridge('bn2', '10.2.0.1/24');
    const apps = [
      await lab.addApp({ name: 'left', bridge: 'bn1', address: '10.1.0.5/24' }),
      await lab.addApp({ name: 'right', bridge: 'bn2', address: '10.1.0.6/24' }),
    ];
    const advertisers = apps.map((app) => startAdvertiser(app));
    for (const { status } of advertisers) await status.waitFor('ready', isReady);
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    await lab.host.mustRun(['ip', 'link', 'set', 'veth-right', 'master', 'bn1']);

    const isInConflict = ({ interfaces }: AdvertiserStatus) => interfaces[0]?.state === 'conflict';
    await host.send(question('ds.local', 'A'));
    const loser = await Promise.any(
      advertisers.map(async ({ status }, index) => {
        await status.waitFor('conflict', isInConflict);
        return index;
      }),
    );
    const winner = advertisers[1 - loser] as RunningAdvertiser;
    expect(winner.status.all.some(isInConflict)).toBe(false);
    const address = loser === 0 ? '10.1.0.6' : '10.1.0.5';
    // Who gives way withdraws its address, or caches would keep it for two minutes.
    const lostAddress = loser === 0 ? '10.1.0.5' : '10.1.0.6';
    const goodbyes = () =>
      host.heard().filter((heard) => isGoodbye(heard) && addressesOf(heard).includes(lostAddress));
    await expect
      .poll(() => goodbyes().map(({ source }) => source))
      .toEqual([lostAddress, lostAddress, lostAddress]);
    const before = host.heard().length;
    await host.send(question('ds.local', 'A'));
    await host.waitFor('address of the winner', (heard) => hasAnswer(heard, address), before);
    expect(
      new Set(
        host
          .heard()
          .slice(before)
          .filter(isResponse)
          .map(({ source }) => source),
      ),
    ).toEqual(new Set([address]));
    expect(new Set(host.heard().flatMap(targetsOf))).toEqual(new Set(['ds.local']));
  });

  test('probes for all services at the same time', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor('ready', isReady);
    await host.waitFor('announcement', isResponse);
    const firstAnnouncement = host.heard().findIndex(isResponse);
    const probedBefore = host
      .heard()
      .slice(0, firstAnnouncement)
      .flatMap(({ packet }) => packet.questions?.map(({ name }) => name) ?? []);
    for (const type of ['_workstation', '_http', '_https']) {
      expect(probedBefore.filter((name) => name.endsWith(`${type}._tcp.local`)).length).toBeGreaterThan(0);
    }
  });

  test('keeps its host name when another host has a service of the same name', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const host = await startMdnsPeer(lab.host, '10.1.0.1');
    const data = { port: 80, target: 'printer.local' };
    const claim = encode({
      type: 'response',
      answers: [{ type: 'SRV', name: 'ds._http._tcp.local', ttl: 120, data }],
    });
    const advertiser = startAdvertiser(app, { services: 'http' });
    const isProbeFor = (name: string) => (heard: HeardPacket) =>
      !isResponse(heard) && heard.packet.questions?.some((asked) => asked.name === name) === true;
    await host.waitFor('probe', isProbeFor('ds._http._tcp.local'));
    await host.send(claim);
    await host.waitFor('probe of the next name', isProbeFor('ds #2._http._tcp.local'));
    await advertiser.status.waitFor('ready', isReady);
    expect(statesOf(advertiser)).not.toContain('conflict');
    await host.waitFor('announcement', (heard) => targetsOf(heard).includes('ds.local'));
  });

  test('names on each interface its own address only, and answers there only', async () => {
    await lab.addBridge('bn2', '10.2.0.1/24');
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    await lab.host.mustRun([
      'sh',
      '-c',
      'ip link add veth-ds2 type veth peer name eth1 netns ds && ip link set veth-ds2 master bn2 up && ' +
        'ip -n ds address add 10.2.0.5/24 dev eth1 && ip -n ds link set eth1 up',
    ]);
    // Each neighbour has one interface, so what it hears was on its bridge.
    const peers = await Promise.all(
      [1, 2].map(async (n) => {
        const address = `10.${n}.0.7`;
        const namespace = await lab.addApp({ name: `peer${n}`, bridge: `bn${n}`, address: `${address}/24` });
        return { own: `10.${n}.0.5`, peer: await startMdnsPeer(namespace, address) };
      }),
    );
    const advertiser = startAdvertiser(app);
    const ready = await advertiser.status.waitFor('ready on both', isReady);
    expect(ready.interfaces.map(({ name, address }) => ({ name, address }))).toEqual([
      { name: 'eth0', address: '10.1.0.5' },
      { name: 'eth1', address: '10.2.0.5' },
    ]);
    expect(statesOf(advertiser)).not.toContain('conflict');

    // Only an answer to a question for the address alone holds nothing but the address.
    const isAddressAlone = ({ packet }: HeardPacket) =>
      packet.answers?.length === 1 && packet.answers[0]?.type === 'A';
    for (const { peer } of peers) {
      await peer.send(question('ds.local', 'A'));
      await peer.waitFor('address', isAddressAlone);
    }
    for (const { peer } of peers) expect(peer.heard().filter(isAddressAlone)).toHaveLength(1);

    await advertiser.stop();
    for (const { own, peer } of peers) {
      await peer.waitFor('goodbye', isGoodbye);
      expect(new Set(peer.heard().flatMap(addressesOf))).toEqual(new Set([own]));
      expect(
        new Set(
          peer
            .heard()
            .filter(isResponse)
            .map(({ source }) => source),
        ),
      ).toEqual(new Set([own]));
    }
  });
});

describeWith(['root', 'lab', 'iptables'], 'advertising where nothing can be sent', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
  });
  afterEach(() => lab.stop());

  test('says so, and recovers', async () => {
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    const rule = ['OUTPUT', '-p', 'udp', '--dport', '5353', '-j', 'DROP'];
    await app.mustRun(['iptables', '-A', ...rule]);
    const advertiser = startAdvertiser(app);
    const unanswered = await advertiser.status.waitFor(
      'failure',
      ({ interfaces }) => interfaces[0]?.state === 'unanswered',
    );
    expect(unanswered.reasons).toEqual([
      'our own answer for ds.local was not seen on eth0; trying again in 5 s',
    ]);
    await app.mustRun(['iptables', '-D', ...rule]);
    await advertiser.status.waitFor('ready', isReady);
  });
});
