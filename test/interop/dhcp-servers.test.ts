// SPDX-License-Identifier: Apache-2.0
/** The agent's client of DHCP against Debian's servers, on links between network namespaces. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DhcpClient, makeClientFolder, startDhcpClient } from '../lab/dhcp/dhcp-client.ts';
import { DHCP_SERVERS, type DhcpServer, SAID } from '../lab/dhcp/dhcp-servers.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';

const CLIENT_MAC = '02:00:00:00:00:01';

for (const { name, leaseSeconds, logs, heedsDecline, start } of DHCP_SERVERS) {
  describeWith(['lab', 'root', name], name, () => {
    let lab: Lab;
    let serverApp: App;
    let app: App;
    let server: DhcpServer;
    let folder: string;
    let client: DhcpClient | undefined;

    beforeEach(async () => {
      lab = await createLab();
      await lab.addBridge('bn1', '10.0.0.1/24');
      serverApp = await lab.addApp({ name: 'server', bridge: 'bn1', address: '10.0.0.2/24' });
      app = await lab.addApp({ name: 'client', bridge: 'bn1', mac: CLIENT_MAC });
      server = await start(serverApp);
      folder = await makeClientFolder();
    });
    afterEach(async () => {
      await client?.dhcp.close();
      client = undefined;
      await server.stop();
      await lab.stop();
      await rm(folder, { recursive: true });
    });
    const open = async (options: { isProbing?: boolean } = {}) => {
      client = await startDhcpClient(app, { folder, ...options });
      return client;
    };
    const leased = ({ dhcp }: DhcpClient) => dhcp.status().lease?.address;
    async function bound(of: DhcpClient): Promise<string> {
      await expect.poll(() => leased(of)).toMatch(/^10\.0\.0\.1(?:0\d|10)$/);
      return leased(of) as string;
    }

    it('gives an address with all that belongs to it, and takes it back', async () => {
      await writeFile(join(folder, 'resolv.conf'), 'nameserver 203.0.113.1\n');
      const running = await open();
      const address = await bound(running);
      expect(running.dhcp.status()).toMatchObject({
        state: 'bound',
        leftOut: [],
        applied: { problems: [], resolvConf: { kind: 'replaced' } },
        lease: { address, prefixLength: 24, leaseSeconds: expect.any(Number), server: '10.0.0.2' },
      });
      expect(await running.addresses()).toMatch(
        new RegExp(`inet ${address}/24 brd 10\\.0\\.0\\.255 .*valid_lft (?:[1-9]|\\d{2,3})sec`),
      );
      expect(await running.routes()).toContain(
        `default via 10.0.0.1 dev eth0 proto dhcp src ${address} metric 1024`,
      );
      expect(await app.mustRun(['ip', 'link', 'show', 'dev', 'eth0'])).toContain(`mtu ${SAID.mtu} `);
      expect(await running.resolvConf()).toBe(
        `# Written by eve-agent: what DHCP said on eth0\nsearch lan.test\n${SAID.nameServers.map((each) => `nameserver ${each}\n`).join('')}`,
      );

      await running.dhcp.release();
      expect(await running.addresses()).toBe('');
      expect(await running.routes()).toBe('');
      expect(await running.resolvConf()).toBe('nameserver 203.0.113.1\n');
      expect(await app.mustRun(['ip', 'link', 'show', 'dev', 'eth0'])).toContain('mtu 1500 ');
      if (logs.release) await expect.poll(() => server.log()).toMatch(/RELEASE/i);
    });

    it('renews a lease', async () => {
      const running = await open();
      const address = await bound(running);
      const commitOf = () => running.keyOf('commit');
      expect(commitOf()).toBe('lease 1');
      running.clock.leap((leaseSeconds / 2) * 1000);
      await expect.poll(commitOf).toBe('lease 2');
      expect(running.dhcp.status().state).toBe('bound');
      expect(leased(running)).toBe(address);
    });

    it('is replaced by another server when it does not answer, and lets the address go without one', async () => {
      const running = await open();
      await bound(running);
      await server.stop();
      const otherApp = await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.0.0.3/24' });
      const other = await start(otherApp, { self: 3 });
      running.clock.leap(leaseSeconds * 875);
      // One that does not know the lease may refuse it, and then gives another.
      await expect.poll(() => running.dhcp.status().lease?.server).toBe('10.0.0.3');
      await bound(running);
      await other.stop();
      running.clock.leap(leaseSeconds * 1000);
      await expect.poll(() => running.dhcp.status().lease).toBeNull();
      expect(running.dhcp.status().reason).toBe('the lease is over');
      expect([await running.addresses(), await running.routes()]).toEqual(['', '']);
    });

    it('refuses an address that it does not give any more', async () => {
      const running = await open();
      const address = await bound(running);
      await server.stop();
      server = await start(serverApp, { range: [200, 210] });
      await running.crash();
      await expect.poll(() => leased(running)).toMatch(/^10\.0\.0\.2(?:0\d|10)$/);
      expect(await running.addresses()).not.toContain(`${address}/`);
      if (logs.refusal) expect(server.log()).toMatch(/NAK/i);
    });

    it('is told that somebody else has an address, and gives another one', async () => {
      const first = await open();
      const given = await bound(first);
      await first.dhcp.release();
      // Some give the same address again, others the next one.
      const taken = [given, given === '10.0.0.101' ? '10.0.0.100' : '10.0.0.101'];
      const squatter = await lab.addApp({ name: 'squatter', bridge: 'bn1', address: `${taken[0]}/24` });
      await squatter.mustRun(['ip', 'address', 'add', `${taken[1]}/24`, 'dev', 'eth0']);
      const running = await open({ isProbing: true });
      const declines = () => running.lines.filter((line) => line.includes('"type":"decline"')).length;
      /** Lets the time go by that is waited for after an address was declined. */
      const goOn = <Value>(look: () => Value): Value => {
        if (running.dhcp.status().state === 'init') running.clock.leap(10_000);
        return look();
      };
      if (!heedsDecline) {
        await expect.poll(() => goOn(declines)).toBe(2);
        expect(leased(running)).toBeUndefined();
        return;
      }
      await expect.poll(() => goOn(() => leased(running))).toMatch(/^10\.0\.0\.1/);
      expect(taken).not.toContain(leased(running));
      expect(declines()).toBeGreaterThan(0);
      expect(server.log()).toMatch(/DECLINE/i);
    });
  });
}
