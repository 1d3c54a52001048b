// SPDX-License-Identifier: Apache-2.0
/** Questions from a port of the agent's own (RFC 6762 §5.1, §6.7), put to responders that nobody here wrote. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJsonLines } from '../integration/json-lines.ts';
import { avahiServiceFile, startAvahi, startAvahiFrom } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { runAgent } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const SERVICES = { 'http.service': avahiServiceFile('_http._tcp', 80) };

describeWith(['lab', 'root', 'avahi', 'dbus'], 'asking Avahi from another port', () => {
  let lab: Lab;
  let app: App;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
  });
  afterEach(() => lab.stop());

  /** What is found, by both commands, and what was logged of the port. */
  async function look() {
    const resolved = await runAgent(lab.host, ['resolve', 'http://ds.local/', '--json']);
    expect(resolved).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('cannot be had') });
    const browsed = await runAgent(lab.host, ['browse', '--service', 'http', '--json']);
    const { address, bridge } = JSON.parse(resolved.stdout);
    const { instances } = JSON.parse(browsed.stdout);
    return { address, bridge, instances, log: resolved.stderr };
  }

  test('on a neighbour', async () => {
    await startAvahi(app, { hostName: 'ds', publishWorkstation: true, services: SERVICES });
    const holder = lab.host.start(['node', 'test/integration/programs/port-holder.ts', 'exclusive'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    await readJsonLines<{ event: string }>(holder).waitFor('the port', ({ event }) => event === 'held');
    expect(await look()).toMatchObject({
      ...{ address: '10.1.0.5', bridge: 'bn1' },
      instances: [{ hostName: 'ds.local', addresses: ['10.1.0.5'], port: 80 }],
    });
  });

  test('on this host, where it lets no other use port 5353', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'avahi-alone-'));
    await writeFile(
      join(folder, 'avahi-daemon.conf'),
      '[server]\nhost-name=ds\nuse-ipv6=no\ndisallow-other-stacks=yes\nallow-interfaces=bn1\n[publish]\npublish-hinfo=no\n[rlimits]\n',
    );
    await mkdir(join(folder, 'services'));
    await writeFile(join(folder, 'services', 'http.service'), SERVICES['http.service']);
    await startAvahiFrom(lab.host, folder);
    await rm(folder, { recursive: true });
    const { log, ...found } = await look();
    expect(found).toMatchObject({
      ...{ address: '10.1.0.1', bridge: 'bn1' },
      instances: [{ hostName: 'ds.local', addresses: ['10.1.0.1'], port: 80 }],
    });
    expect(log).toMatch(/held, and not shared, by avahi-daemon \(process \d+\)/);
  });
});
