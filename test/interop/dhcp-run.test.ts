// SPDX-License-Identifier: Apache-2.0
/** `eve-agent run --dhcp`: a host without an address gets one from its neighbour alone. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DHCP_SERVERS, type DhcpServer, SAID } from '../lab/dhcp/dhcp-servers.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

/** A command that sees a file of its own at /etc/resolv.conf. */
const withResolvConf = (file: string, command: readonly string[]) => [
  ...[
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"',
    'sh',
    file,
  ],
  ...command,
];

describeWith(['lab', 'root', 'dnsmasq'], 'eve-agent run --dhcp', () => {
  let lab: Lab;
  let app: App;
  let server: DhcpServer | undefined;
  let folder: string;
  let agent: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dhcp-run-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.0.0.1/24');
    const serverApp = await lab.addApp({ name: 'server', bridge: 'bn1', address: '10.0.0.2/24' });
    app = await lab.addApp({ name: 'client', bridge: 'bn1', mac: '02:00:00:00:00:01' });
    server = await DHCP_SERVERS.find(({ name }) => name === 'dnsmasq')?.start(serverApp);
  });
  afterEach(async () => {
    agent?.kill('SIGKILL');
    await server?.stop();
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  it('sets what a server says, tells it in the status, and leaves it when it ends', async () => {
    const resolvConf = join(folder, 'resolv.conf');
    await writeFile(resolvConf, 'nameserver 203.0.113.1\n');
    const command = eveAgent('run', '--dhcp', 'eth0', '--state', join(folder, 'state'), '--reserve', '0');
    const child = app.start(withResolvConf(resolvConf, command), { stdio: ['ignore', 'ignore', 'pipe'] });
    agent = child;
    await waitForLog(child, '"running"').seen;
    const statusOf = async (...args: string[]) =>
      (await runAgent(app, ['status', '--socket', join(folder, 'state', 'agent.sock'), ...args])).stdout;
    const told = async () =>
      (JSON.parse(await statusOf('--json')) as { dhcp: { address: string | null }[] }).dhcp;
    await expect.poll(async () => (await told())[0]?.address).toMatch(/^10\.0\.0\.1\d\d\/24$/);
    const [lease] = await told();
    expect(lease).toMatchObject({
      ...{ interface: 'eth0', state: 'bound', gateway: '10.0.0.1', server: '10.0.0.2', reason: null },
      nameServers: SAID.nameServers,
    });
    expect(await statusOf()).toContain(`eth0 has ${lease?.address} by DHCP from 10.0.0.2`);
    const addresses = () => app.mustRun(['ip', '-4', 'address', 'show', 'dev', 'eth0']);
    expect(await addresses()).toContain(`inet ${lease?.address} `);
    expect(await readFile(resolvConf, 'utf8')).toContain(`nameserver ${SAID.nameServers[0]}`);

    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(await addresses()).toContain(`inet ${lease?.address} `);
    const { exitCode, stdout } = await runAgent(app, ['audit', '--state', join(folder, 'state')]);
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/dhcp-eth0 +write +\/dhcp\/eth0\/ip +ok/)]);
  });

  it.each([
    ['an interface that is not there', 'nosuch0', 'there is no interface nosuch0'],
    ['one without a hardware address', 'lo', 'lo has no hardware address of Ethernet'],
    ['what is no name of one', 'a/b', 'the name of an interface expected'],
  ])('refuses %s', async (_, name, message) => {
    const { exitCode, stderr } = await runAgent(app, [
      'run',
      '--dhcp',
      name,
      '--state',
      join(folder, 'state'),
    ]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
