// SPDX-License-Identifier: Apache-2.0
/** What the datastore itself has sent comes back on many ways, and is never a conflict; a stranger's claim is. */
import { type Answer, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import { type HeardPacket, type Reflection, startMdnsPeer } from './mdns-peer.ts';
import { isReady, isResponse, question, startAdvertiser, statesOf } from './running-advertiser.ts';

const EVERYTHING: Reflection = { what: 'everything', delaysMs: [0] };
/** Of a second on the link of the first: an address in the same network, or in another. */
const SECOND_ADDRESSES = ['10.1.0.6/24', '10.2.0.6/24'];

describeWith(['lab'], 'what comes back', () => {
  let lab: Lab;
  let app: App;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
  });
  afterEach(() => lab.stop());

  async function addSecondInterface(address: string): Promise<void> {
    const commands = [
      'ip link add veth-ds2 type veth peer name eth1 netns ds',
      'ip link set veth-ds2 master bn1 up',
      `ip -n ds address add ${address} dev eth1`,
      'ip -n ds link set eth1 up',
    ];
    await lab.host.mustRun(['sh', '-c', commands.join(' && ')]);
  }

  test.each<{ what: string; reflection: Reflection }>([
    { what: 'responses, at once', reflection: { what: 'responses', delaysMs: [0] } },
    // While the next service is being probed.
    { what: 'responses, after a moment', reflection: { what: 'responses', delaysMs: [500] } },
    { what: 'probes, too', reflection: EVERYTHING },
    { what: 'all of it a second later', reflection: { what: 'everything', delaysMs: [1000] } },
    {
      what: 'all of it many times',
      reflection: { what: 'everything', delaysMs: [0, 1, 5, 20, 100, 250, 800] },
    },
    { what: 'the first half of each', reflection: { ...EVERYTHING, isCut: true } },
  ])('$what: no conflict, and ready as soon', async ({ reflection }) => {
    const reflector = await startMdnsPeer(lab.host, '10.1.0.1', { reflection });
    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor('ready', isReady);
    const before = reflector.heard().length;
    await reflector.send(question('_http._tcp.local'));
    await reflector.waitFor('answer', isResponse, before);
    // No service gave way to another of ours, either: that would show as more than three probes for each.
    const probesFor = (type: string) =>
      reflector
        .heard()
        .filter(
          ({ packet }) =>
            packet.questions?.some(({ name }) => name.endsWith(type)) && packet.authorities?.length,
        ).length;
    for (const type of ['._workstation._tcp.local', '._http._tcp.local', '._https._tcp.local']) {
      expect(probesFor(type)).toBeLessThanOrEqual(3);
    }
    expect(statesOf(advertiser)).toEqual(['announcing', 'checking', 'ready']);
  });

  describe.each([
    { what: 'alone', reflection: undefined },
    { what: 'and a reflector', reflection: EVERYTHING },
  ])('two interfaces on one link $what', ({ reflection }) => {
    test.each(SECOND_ADDRESSES)(
      'the second with %s: both are advertised, without a conflict',
      async (address) => {
        await addSecondInterface(address);
        await lab.host.mustRun(['ip', 'address', 'add', '10.2.0.1/24', 'dev', 'bn1']);
        const peer = await startMdnsPeer(lab.host, '10.1.0.1', { ...(reflection && { reflection }) });
        const advertiser = startAdvertiser(app);
        const isBothReady = ({ isReady, interfaces }: { isReady: boolean; interfaces: readonly unknown[] }) =>
          isReady && interfaces.length === 2;
        await advertiser.status.waitFor('both ready', isBothReady);
        const before = peer.heard().length;
        await peer.send(question('_http._tcp.local'));
        await peer.waitFor('answer', isResponse, before);
        expect(statesOf(advertiser)).not.toContain('conflict');
      },
    );
  });

  test('an echo of the address that was given up a moment ago', async () => {
    await startMdnsPeer(lab.host, '10.1.0.1', { reflection: { what: 'everything', delaysMs: [1500] } });
    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor('ready', isReady);
    await app.setAddress('10.1.0.9/24');
    await advertiser.status.waitFor(
      'ready with the new address',
      ({ isReady, interfaces }) => isReady && interfaces[0]?.address === '10.1.0.9',
    );
    expect(statesOf(advertiser)).not.toContain('conflict');
  });

  const a = (data: string): Answer => ({ type: 'A', name: 'ds.local', ttl: 120, data });
  test.each<{ what: string; answers: Answer[] }>([
    { what: 'another address', answers: [a('10.1.0.9')] },
    { what: 'ours and another address', answers: [a('10.1.0.5'), a('10.1.0.9')] },
    { what: 'an IPv6 address', answers: [{ type: 'AAAA', name: 'ds.local', ttl: 120, data: 'fe80::9' }] },
  ])('a stranger that answers probes with $what is a conflict', async ({ answers }) => {
    const stranger = await startMdnsPeer(lab.host, '10.1.0.1');
    const advertiser = startAdvertiser(app, { services: 'http' });
    const isProbe = ({ packet }: HeardPacket) => packet.type === 'query' && packet.authorities?.length !== 0;
    await stranger.waitFor('probe', isProbe);
    await stranger.send(encode({ type: 'response', answers }));
    await advertiser.status.waitFor('conflict', ({ interfaces }) => interfaces[0]?.state === 'conflict');
  });
});
