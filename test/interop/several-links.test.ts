// SPDX-License-Identifier: Apache-2.0
/** A datastore with several addresses and interfaces, among real Avahi daemons: found, and never at odds with itself. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdvertiserStatus } from '../../datastore-app/src/advertise/advertiser.ts';
import { startMdnsPeer } from '../integration/mdns-peer.ts';
import {
  hasAnswer,
  isReady,
  question,
  startAdvertiser,
  statesOf,
} from '../integration/running-advertiser.ts';
import { startAvahi, startAvahiFrom } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';
import { agentJson, type ResolvedDocument } from './agent.ts';

const REFLECTOR =
  '[server]\nhost-name=edge-host\nuse-ipv6=no\n[reflector]\nenable-reflector=yes\n[rlimits]\n';

describeWith(['root', 'lab', 'avahi', 'avahi-utils', 'dbus'], 'among Avahi daemons', () => {
  let lab: Lab;
  let app: App;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'several-links-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1' });
  });
  afterEach(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  const addAddress = (cidr: string) => app.mustRun(['ip', 'address', 'add', cidr, 'dev', 'eth0']);

  test.each([
    [['169.254.3.4/16', '10.1.0.5/24']],
    [['192.168.7.5/24', '10.1.0.5/24']],
    [['172.16.0.2/32', '169.254.3.4/16', '10.1.0.5/24', '10.1.0.6/24']],
  ])('found with the addresses %j, by the agent at the right one', async (cidrs) => {
    for (const cidr of cidrs) await addAddress(cidr);
    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor('ready', isReady);
    const resolved = await agentJson<ResolvedDocument>(lab.host, 'resolve', 'http://ds.local/');
    expect(resolved.address).toMatch(/^10\.1\.0\.[56]$/);

    const withAvahi = await startAvahi(lab.host, { hostName: 'edge-host', publishWorkstation: false });
    const found = await lab.host.mustRun([...withAvahi, 'avahi-resolve', '-4n', 'ds.local']);
    const addresses = cidrs.map((cidr) => cidr.split('/')[0]);
    expect(addresses).toContain(found.trim().split('\t')[1]);
    const browsed = await lab.host.mustRun([...withAvahi, 'avahi-browse', '-rtp', '_http._tcp']);
    expect(browsed).toMatch(/^=;bn1;IPv4;ds;.*;ds\.local;/m);
    expect(statesOf(advertiser)).not.toContain('conflict');
  });

  test("Avahi's reflector between two bridges of the datastore is no conflict", async () => {
    await addAddress('10.1.0.5/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    const commands = [
      'ip link add veth-ds2 type veth peer name eth1 netns ds',
      'ip link set veth-ds2 master bn2 up',
      'ip -n ds address add 10.2.0.5/24 dev eth1',
      'ip -n ds link set eth1 up',
    ];
    await lab.host.mustRun(['sh', '-c', commands.join(' && ')]);
    await mkdir(join(folder, 'services'));
    await writeFile(join(folder, 'avahi-daemon.conf'), REFLECTOR);
    await startAvahiFrom(lab.host, folder);
    // What is on bn1 is heard on bn2 only by way of the reflector.
    const beyond = await lab.addApp({ name: 'beyond', bridge: 'bn2', address: '10.2.0.9/24' });
    const peer = await startMdnsPeer(beyond, '10.2.0.9');

    const advertiser = startAdvertiser(app);
    await advertiser.status.waitFor(
      'ready on both',
      ({ isReady, interfaces }: AdvertiserStatus) => isReady && interfaces.length === 2,
    );
    await peer.waitFor('reflected announcement', (heard) => hasAnswer(heard, '10.1.0.5'));
    for (const name of ['_http._tcp.local', '_workstation._tcp.local', 'ds.local']) {
      const before = peer.heard().length;
      await peer.send(question(name, name === 'ds.local' ? 'A' : 'PTR'));
      await peer.waitFor('answer', (heard) => hasAnswer(heard, '10.2.0.5'), before);
    }
    expect(statesOf(advertiser)).not.toContain('conflict');
    expect(advertiser.status.all.at(-1)?.isReady).toBe(true);
  });
});
