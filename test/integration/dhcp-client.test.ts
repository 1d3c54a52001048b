// SPDX-License-Identifier: Apache-2.0
/** The client of DHCP on a real link, against a server that says what it should not, and against the host. */
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ipv4Bytes } from '../../eve-agent/src/sandbox/calves/dhcp/address-bytes.ts';
import { OPTION } from '../../eve-agent/src/sandbox/calves/dhcp/option-codes.ts';
import {
  type DhcpClient,
  type DhcpClientOptions,
  makeClientFolder,
  startDhcpClient,
} from '../lab/dhcp/dhcp-client.ts';
import {
  type Answer,
  rightly,
  type ScriptedDhcpServer,
  startScriptedDhcpServer,
} from '../lab/dhcp/scripted-dhcp-server.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { mustRunProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';

describeWith(['lab', 'root'], 'the client of DHCP', () => {
  let lab: Lab;
  let app: App;
  let server: ScriptedDhcpServer;
  let folder: string;
  let client: DhcpClient | undefined;

  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.0.0.1/24');
    server = await startScriptedDhcpServer(await lab.addApp({ name: 'server', bridge: 'bn1' }));
    app = await lab.addApp({ name: 'client', bridge: 'bn1', mac: '02:00:00:00:00:01' });
    folder = await makeClientFolder();
  });
  afterEach(async () => {
    await client?.dhcp.close();
    client = undefined;
    await server.stop();
    await lab.stop();
    await rm(folder, { recursive: true });
  });
  const open = async (options: DhcpClientOptions = {}) => {
    client = await startDhcpClient(app, { folder, ...options });
    return client;
  };
  const leased = ({ dhcp }: DhcpClient) => dhcp.status().lease;
  const without = (...codes: number[]) => ({
    options: Object.fromEntries(codes.map((code) => [code, undefined])),
  });
  const isAsked = (type: string) => expect.poll(() => server.asked.map((each) => each.type)).toContain(type);

  it.each<[string, Omit<Answer, 'type'>, object]>([
    ['no lease time (systemd #9610)', without(OPTION.leaseTime), { leaseSeconds: 3599 }],
    ['a lease time of 0', { options: { [OPTION.leaseTime]: Buffer.alloc(4) } }, { leaseSeconds: 3599 }],
    [
      'a lease without end',
      { options: { [OPTION.leaseTime]: Buffer.alloc(4, 255) } },
      { leaseSeconds: null },
    ],
    ['no server identifier (coreos/systemd #86)', without(OPTION.serverIdentifier), { server: '10.0.0.2' }],
    ['no mask', without(OPTION.subnetMask), { prefixLength: 8 }],
    ['no router', without(OPTION.router), { gateway: null }],
    [
      'times of renewal without sense',
      {
        options: { [OPTION.renewalTime]: Buffer.from([0, 0, 1, 0]), [OPTION.rebindingTime]: Buffer.alloc(4) },
      },
      {},
    ],
    [
      'a router outside of the subnet',
      { options: { [OPTION.router]: ipv4Bytes('198.51.100.1') } },
      { gateway: '198.51.100.1' },
    ],
    [
      'one address as its subnet',
      { options: { [OPTION.subnetMask]: ipv4Bytes('255.255.255.255') } },
      { prefixLength: 32, gateway: '10.0.0.1' },
    ],
    [
      'options whose values cannot be read',
      { options: { [OPTION.interfaceMtu]: Buffer.alloc(3), [OPTION.domainSearch]: Buffer.from([192, 0]) } },
      { mtu: null, search: [] },
    ],
  ])('takes a lease with %s', async (_title, answer, lease) => {
    server.answer(rightly(answer));
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    const { leaseSeconds, ...rest } = leased(running) as { leaseSeconds: number | null };
    // The second in which it was asked for may be over.
    const seconds = leaseSeconds === null || leaseSeconds < 3000 ? leaseSeconds : 3599;
    expect({ leaseSeconds: seconds, ...rest }).toMatchObject(lease);
    expect(running.dhcp.status().applied?.problems).toEqual([]);
    if (leased(running)?.gateway !== null) expect(await running.routes()).toMatch(/^default via /);
  });

  it.each<[string, Omit<Answer, 'type'>]>([
    ['another transaction', { message: { transactionId: 5 } }],
    ['another client', { message: { clientMac: '02:00:00:00:00:02' } }],
    ['servers', { message: { operation: 'request' } }],
    [
      'options beyond the end',
      { spoil: (bytes) => Buffer.concat([bytes.subarray(0, 243), Buffer.from([3, 200, 1])]) },
    ],
    ['the wrong magic', { spoil: (bytes) => Buffer.from(bytes).fill(0, 236, 240) }],
    ['less than a message', { spoil: (bytes) => bytes.subarray(0, 200) }],
    ['nothing', { spoil: () => Buffer.alloc(0) }],
    ['an address that no host may have', { yourAddress: '127.0.0.1' }],
  ])('does not hear an offer for or with %s, and takes the next one', async (_title, answer) => {
    server.answer(rightly(answer));
    const running = await open();
    await isAsked('discover');
    server.answer(rightly());
    running.clock.leap(5000);
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    expect(server.asked.map((each) => each.type)).toEqual(['discover', 'discover', 'request']);
  });

  it('takes the first of two servers, and nothing of the other one', async () => {
    const [first, second] = [{ yourAddress: '10.0.0.50' }, { yourAddress: '10.0.0.60', source: '10.0.0.3' }];
    server.answer(({ type, message }) => {
      if (type === 'discover')
        return [
          { type: 'offer', ...first },
          { type: 'offer', ...second },
        ];
      const chosen = message.options.get(OPTION.serverIdentifier)?.join('.');
      return type === 'request' && chosen === '10.0.0.2'
        ? [
            { type: 'nak', ...second },
            { type: 'ack', ...second },
            { type: 'ack', ...first },
          ]
        : [];
    });
    const running = await open();
    await expect.poll(() => leased(running)).toMatchObject({ address: '10.0.0.50', server: '10.0.0.2' });
  });

  it.each([
    ['169.254.7.7', '255.255.0.0', 'no address of a host'],
    ['10.0.0.255', '255.255.255.0', 'a whole subnet'],
    ['10.7.0.9', '255.255.255.0', 'the subnet of another interface'],
  ])('does not set %s/%s', async (yourAddress, mask, reason) => {
    await app.mustRun(['ip', 'address', 'add', '10.7.0.1/24', 'dev', 'lo']);
    server.answer(rightly({ yourAddress, options: { [OPTION.subnetMask]: ipv4Bytes(mask) } }));
    const running = await open();
    await expect.poll(() => running.dhcp.status().reason).toContain(reason);
    expect([await running.addresses(), await running.routes()]).toEqual(['', '']);
  });

  it('sets classless routes instead of a router', async () => {
    const routes = '18 0a0203 0a000009 00 0a000007 10 0a05 00000000';
    server.answer(
      rightly({ options: { [OPTION.classlessRoutes]: Buffer.from(routes.replaceAll(' ', ''), 'hex') } }),
    );
    const running = await open();
    await expect.poll(() => leased(running)?.gateway).toBe('10.0.0.7');
    expect((await running.routes()).split('\n').map((line) => line.trim())).toEqual([
      'default via 10.0.0.7 dev eth0 proto dhcp src 10.0.0.50 metric 1024',
      '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.50',
      '10.2.3.0/24 via 10.0.0.9 dev eth0 proto dhcp src 10.0.0.50 metric 1024',
      '10.5.0.0/16 dev eth0 proto dhcp scope link src 10.0.0.50 metric 1024',
      '',
    ]);
    expect((await running.dhcp.status()).applied?.problems).toEqual([]);
  });

  it('follows its server to another address, another router and other name servers', async () => {
    const nameServer = (address: string) => ({ [OPTION.nameServer]: ipv4Bytes(address) });
    server.answer(
      rightly({ options: { ...nameServer('10.0.0.53'), [OPTION.interfaceMtu]: Buffer.from([5, 0]) } }),
    );
    const running = await open();
    await expect.poll(() => running.resolvConf()).toContain('nameserver 10.0.0.53');
    server.answer(({ type }) => (type === 'request' ? [{ type: 'nak' }] : []));
    running.clock.leap(30_000);
    await expect.poll(() => leased(running)).toBeNull();
    expect([await running.addresses(), await running.routes(), await running.resolvConf()]).toEqual([
      '',
      '',
      '',
    ]);
    server.answer(
      rightly({
        yourAddress: '10.0.0.51',
        options: { ...nameServer('10.0.0.54'), [OPTION.router]: ipv4Bytes('10.0.0.9') },
      }),
    );
    running.clock.leap(5000);
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.51');
    expect(await running.addresses()).toContain('inet 10.0.0.51/24 ');
    expect(await running.routes()).toContain('default via 10.0.0.9 ');
    expect(await running.resolvConf()).toContain('nameserver 10.0.0.54');
    expect(await app.mustRun(['ip', 'link', 'show', 'dev', 'eth0'])).toContain('mtu 1500 ');
  });

  it('takes its lease up again after it died, and the address stays meanwhile', async () => {
    server.answer(rightly());
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    server.answer(() => []);
    await running.crash();
    await expect.poll(() => running.dhcp.status().state).toBe('rebooting');
    expect(await running.addresses()).toContain('inet 10.0.0.50/24 ');
    expect(server.asked.at(-1)?.message.options.get(OPTION.requestedAddress)).toEqual(ipv4Bytes('10.0.0.50'));
    server.answer(rightly());
    running.clock.leap(5000);
    await expect.poll(() => running.dhcp.status().state).toBe('bound');
    expect(leased(running)?.address).toBe('10.0.0.50');
  });

  it('lets its address go at once when it is refused after it died', async () => {
    server.answer(rightly());
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    server.answer(({ type }) => (type === 'request' ? [{ type: 'nak' }] : []));
    await running.crash();
    await expect.poll(() => leased(running)).toBeNull();
    expect(running.dhcp.status().reason).toBe('the server refuses the address of before');
    expect([await running.addresses(), await running.routes()]).toEqual(['', '']);
  });

  it('takes an address from the interface when its lease is over, though the client died', async () => {
    server.answer(rightly());
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    server.answer(() => []);
    await running.crash();
    running.clock.leap(60_000);
    await expect.poll(() => leased(running)).toBeNull();
    expect([await running.addresses(), await running.routes()]).toEqual(['', '']);
  });

  it('asks for the address that an earlier run of the agent left', async () => {
    server.answer(rightly());
    const before = await open();
    await expect.poll(() => leased(before)?.address).toBe('10.0.0.50');
    await before.dhcp.close();
    expect(await before.addresses()).toContain('inet 10.0.0.50/24 ');
    const count = server.asked.length;
    server.answer(rightly({ yourAddress: '10.0.0.50' }));
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    const question = server.asked[count];
    expect(question?.type).toBe('request');
    expect(question?.message.options.get(OPTION.requestedAddress)).toEqual(ipv4Bytes('10.0.0.50'));
  });

  it('renews by unicast, and gives its address back likewise', async () => {
    server.answer(rightly());
    const running = await open({ hostName: 'edge-7' });
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    running.clock.leap(30_000);
    await expect.poll(() => running.keyOf('commit')).toBe('lease 2');
    await running.dhcp.release();
    await isAsked('release');
    const [discover, , renewal, release] = server.asked;
    expect(discover?.targetMac).toBe('ff:ff:ff:ff:ff:ff');
    expect(discover?.message.options.get(OPTION.hostName)?.toString()).toBe('edge-7');
    for (const unicast of [renewal, release]) {
      expect(unicast?.targetMac).not.toBe('ff:ff:ff:ff:ff:ff');
      expect(unicast?.message.clientAddress).toBe('10.0.0.50');
    }
    expect(running.store.list('/dhcp/**')).toEqual([]);
  });

  it('asks whether its address is still right when its link carries again', async () => {
    server.answer(rightly());
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    const count = server.asked.length;
    await lab.host.mustRun(['ip', 'link', 'set', 'veth-client', 'down']);
    await expect
      .poll(() => {
        running.clock.leap(2000);
        return running.lines.some((line) => line.startsWith('the link carries nothing'));
      })
      .toBe(true);
    await lab.host.mustRun(['ip', 'link', 'set', 'veth-client', 'up']);
    running.clock.leap(2000);
    await expect.poll(() => server.asked.length).toBeGreaterThan(count);
    const question = server.asked[count];
    expect(question?.message.options.get(OPTION.requestedAddress)).toEqual(ipv4Bytes('10.0.0.50'));
    await expect.poll(() => running.dhcp.status().state).toBe('bound');
  });

  it('does not let the kernel tell servers that nobody is there', async () => {
    server.answer(rightly());
    const running = await open();
    await expect.poll(() => leased(running)?.address).toBe('10.0.0.50');
    const ask = (port: number) =>
      lab.host.run([
        'python3',
        '-c',
        `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.connect(("10.0.0.50", ${port}))
s.send(b"x")
s.recv(1)
`,
      ]);
    expect((await ask(69)).stderr).toContain('ConnectionRefusedError');
    expect((await ask(68)).stderr).toContain('timed out');
    expect(running.lines.filter((line) => line.includes('cannot be had'))).toEqual([]);
  });

  it('leaves a resolv.conf alone that is a link', async () => {
    await writeFile(join(folder, 'stub.conf'), 'nameserver 127.0.0.53\n');
    await symlink(join(folder, 'stub.conf'), join(folder, 'resolv.conf'));
    server.answer(rightly({ options: { [OPTION.nameServer]: ipv4Bytes('10.0.0.53') } }));
    const running = await open();
    await expect.poll(() => leased(running)?.nameServers).toEqual(['10.0.0.53']);
    expect(running.dhcp.status().applied?.resolvConf).toMatchObject({ kind: 'left-alone' });
    expect(await running.resolvConf()).toBe('nameserver 127.0.0.53\n');
  });

  it('writes a resolv.conf in place that is a mount point, as in containers', async () => {
    const [file, mounted] = ['resolv.conf', 'mounted'].map((name) => join(folder, name)) as [string, string];
    await writeFile(file, '');
    await writeFile(mounted, 'nameserver 203.0.113.1\noptions ndots:0 timeout:1 attempts:1 rotate\n');
    await mustRunProgram(['mount', '--bind', mounted, file]);
    try {
      server.answer(rightly({ options: { [OPTION.nameServer]: ipv4Bytes('10.0.0.53') } }));
      const running = await open();
      await expect
        .poll(() => running.dhcp.status().applied?.resolvConf)
        .toEqual({ kind: 'written-in-place' });
      expect(await readFile(mounted, 'utf8')).toBe(
        '# Written by eve-agent: what DHCP said on eth0\nnameserver 10.0.0.53\n',
      );
      await running.dhcp.release();
      expect(await readFile(mounted, 'utf8')).toContain('nameserver 203.0.113.1\noptions ndots:0');
    } finally {
      await mustRunProgram(['umount', file]);
    }
  });

  it('lets nothing in but what a client of DHCP has to hear', async () => {
    const running = await open();
    await isAsked('discover');
    await app.mustRun(['ip', 'address', 'add', '10.0.0.77/24', 'dev', 'eth0']);
    await lab.host.mustRun([
      'python3',
      '-c',
      `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for port in (67, 69, 5353):
    for address in ("10.0.0.77", "10.0.0.255"):
        s.sendto(b"x", (address, port))
s.sendto(b"heard", ("10.0.0.255", 68))
`,
    ]);
    await expect.poll(() => running.lines.filter((line) => line.includes('malformed'))).toHaveLength(1);
  });
});
