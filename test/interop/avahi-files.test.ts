// SPDX-License-Identifier: Apache-2.0
/**
 * The same folder of files, as they stand in `/etc/avahi`, given to a real avahi-daemon and to the datastore:
 * whoever browses finds the same.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HeardPacket, startMdnsPeer } from '../integration/mdns-peer.ts';
import { startAvahi, startAvahiFrom } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { agentJson, type BrowsedDocument } from './agent.ts';

const ADDRESS = '10.1.0.5';
const MAC = '02:16:3e:00:00:05';

/** The files of the published procedure for a local datastore. */
const PROCEDURE = {
  'avahi-daemon.conf': `[server]
host-name=my-ds
use-ipv4=yes
use-ipv6=no
allow-interfaces=eth0

[publish]
publish-workstation=yes
publish-hinfo=no
`,
  'services/http.service': `<?xml version="1.0" standalone='no'?><!--*-nxml-*-->
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name replace-wildcards="yes">%h</name>
  <service>
    <type>_http._tcp</type>
    <port>80</port>
  </service>
</service-group>
`,
};

/** What else service files can say, besides what EVE must find. */
const EVERYTHING = {
  ...PROCEDURE,
  'services/images.service': `<service-group>
  <name replace-wildcards="yes">Bilder für %h (2)</name>
  <service protocol="ipv4">
    <type>_http._tcp</type>
    <subtype>_images._sub._http._tcp</subtype>
    <port>8080</port>
    <txt-record>path=/images</txt-record>
    <txt-record>flag</txt-record>
    <txt-record value-format="binary-hex">hex=c3a43d62</txt-record>
    <txt-record value-format="binary-base64">base64=w7Y9</txt-record>
  </service>
  <service>
    <type>_tftp._udp</type>
    <domain-name>local</domain-name>
    <host-name>my-ds.local</host-name>
    <port>69</port>
  </service>
</service-group>
`,
};

/** A device whose host browses, with an Avahi of its own that publishes no service, and an app. */
async function createDevice(): Promise<{ lab: Lab; app: App; withAvahi: readonly string[] }> {
  const lab = await createLab();
  await lab.addBridge('bn1', '10.1.0.1/24');
  const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${ADDRESS}/24`, mac: MAC });
  // Avahi puts a link-local AAAA record beside the A record, and avahi-browse shows either.
  await app.mustRun(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6']);
  const withAvahi = await startAvahi(lab.host, { hostName: 'edge-host', publishWorkstation: false });
  return { lab, app, withAvahi };
}

/** What avahi-browse finds, in the order of the names; the strings of a TXT record in their own. */
async function browse(host: App | Lab['host'], withAvahi: readonly string[], what: string) {
  const stdout = await host.mustRun([...withAvahi, 'avahi-browse', '-rtpk', ...what.split(' ')]);
  return stdout
    .split('\n')
    .filter((row) => row.startsWith('=;'))
    .map((row) => {
      const [, bridge, protocol, name, type, domain, hostName, address, port, ...txt] = row.split(';');
      const strings = txt.join(';').match(/"[^"]*"/g) ?? [];
      return { bridge, protocol, name, type, domain, hostName, address, port, txt: strings.sort() };
    })
    .sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}

describeWith(['root', 'lab', 'avahi', 'avahi-utils', 'dbus'], "Avahi's files", () => {
  let folder: string;
  let lab: Lab | undefined;
  const writeFiles = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const directory = await mkdtemp(join(folder, 'etc-'));
    await mkdir(join(directory, 'services'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    return directory;
  };
  const serveArguments = (directory: string) => [
    ...['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--avahi-config', directory],
  ];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'avahi-files-'));
    await mkdir(join(folder, 'root'));
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true });
  });

  test.each([
    { title: 'the published procedure', files: PROCEDURE, instanceCount: 2, subtypeCount: 0 },
    {
      title: 'names, subtypes, UDP and TXT of every format',
      files: EVERYTHING,
      instanceCount: 4,
      subtypeCount: 1,
    },
  ])('$title: a browser finds what Avahi publishes', async ({ files, instanceCount, subtypeCount }) => {
    const directory = await writeFiles(files);
    const found = [];
    for (const start of [
      (app: App) => startAvahiFrom(app, directory),
      (app: App) => startDatastore(app, serveArguments(directory)),
    ]) {
      const device = await createDevice();
      lab = device.lab;
      await start(device.app);
      const { instances } = await agentJson<BrowsedDocument>(lab.host, 'browse');
      found.push({
        all: await browse(lab.host, device.withAvahi, '--all'),
        bySubtype: await browse(lab.host, device.withAvahi, '_images._sub._http._tcp'),
        byAgent: instances,
      });
      await lab.stop();
    }
    const [byAvahi, byDatastore] = found;
    expect(byAvahi?.all).toHaveLength(instanceCount);
    expect(byAvahi?.bySubtype).toHaveLength(subtypeCount);
    expect(byAvahi?.all.map(({ address, hostName }) => ({ address, hostName }))).toEqual(
      Array(instanceCount).fill({ address: ADDRESS, hostName: 'my-ds.local' }),
    );
    expect(byDatastore).toEqual(byAvahi);
  });

  test('two instances of a type are never in one datagram', async () => {
    const device = await createDevice();
    lab = device.lab;
    const peer = await startMdnsPeer(lab.host, '10.1.0.1');
    await startDatastore(device.app, serveArguments(await writeFiles(EVERYTHING)));
    const from = peer.heard().length;
    const typeName = '_http._tcp.local';
    await peer.send(encode({ type: 'query', id: 1, questions: [{ name: typeName, type: 'PTR' }] }));
    const instancesIn = ({ packet, source }: HeardPacket) =>
      source !== ADDRESS
        ? []
        : (packet.answers ?? []).flatMap((record) =>
            record.type === 'PTR' && record.name === typeName ? [record.data] : [],
          );
    for (const name of ['my-ds', 'Bilder für my-ds (2)']) {
      await peer.waitFor(name, (heard) => instancesIn(heard).includes(`${name}.${typeName}`), from);
    }
    expect(peer.heard().filter((heard) => instancesIn(heard).length > 1)).toEqual([]);
    await lab.stop();
  });
});
