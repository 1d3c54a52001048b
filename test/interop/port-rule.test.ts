// SPDX-License-Identifier: Apache-2.0
/** Ports of the host are led to a neighbour behind it by the packet filters that hosts have, and no further. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPortRule } from '../../eve-agent/src/launch/switch/find-port-rule.ts';
import type { RunTool } from '../../eve-agent/src/launch/switch/packet-filter-tool.ts';
import type { PortRule, Redirect } from '../../eve-agent/src/launch/switch/port-rule.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { describeWith } from '../requirements.ts';

const { signal } = new AbortController();
/** By TCP and by UDP. */
const SERVER = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (_, { port, address }) => socket.send('behind', port, address));
socket.bind(80, () =>
  require('node:http').createServer((_, to) => to.end('behind')).listen(80, '::', () => console.log('up')));
`;
/** Asks until it is answered: a datagram may be lost. */
const DATAGRAM_CLIENT = `
const socket = require('node:dgram').createSocket('udp4');
setInterval(() => socket.send('who?', 8080, '10.1.0.1'), 200);
socket.once('message', (answer) => { console.log(String(answer)); process.exit(); });
`;
const redirect: Redirect = {
  ...{ family: 4, protocol: 'tcp', hostAddress: null, hostPort: 8080 },
  ...{ address: '10.2.0.5', port: 80, bridge: 'bn2' },
};
const ipv6: Redirect = { ...redirect, family: 6, address: 'fd02::5' };

describeWith(['lab', 'iptables', 'nftables', 'curl'], 'a host that forwards nothing', () => {
  let lab: Lab;
  let outside: App;
  let behind: App;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    outside = await lab.addApp({ name: 'outside', bridge: 'bn1', address: '10.1.0.5/24' });
    behind = await lab.addApp({ name: 'behind', bridge: 'bn2', address: '10.2.0.5/24' });
    const ipv6Address = (link: string, address: string) =>
      ['ip', '-6', 'address', 'add', address, 'dev', link, 'nodad'] as const;
    await lab.host.mustRun(ipv6Address('bn1', 'fd01::1/64'));
    await lab.host.mustRun(ipv6Address('bn2', 'fd02::1/64'));
    for (const [app, number] of [
      [outside, 1],
      [behind, 2],
    ] as const) {
      await app.mustRun(ipv6Address('eth0', `fd0${number}::5/64`));
      await app.mustRun(['ip', 'route', 'add', 'default', 'via', `10.${number}.0.1`]);
      await app.mustRun(['ip', '-6', 'route', 'add', 'default', 'via', `fd0${number}::1`]);
    }
    await lab.host.mustRun(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const program of ['iptables', 'ip6tables']) {
      await lab.host.mustRun([program, '-P', 'FORWARD', 'DROP']);
    }
    const server = behind.start([process.execPath, '-e', SERVER]);
    await new Promise((up) => server.stdout?.once('data', up));
  });
  afterAll(() => lab?.stop());

  const curl = async (from: Pick<App, 'run'>, url: string) => {
    const { stdout } = await from.run(['curl', '--silent', '--globoff', '--max-time', '1', url]);
    return stdout === 'behind';
  };
  const runInside: RunTool = async (program, args, _signal, input = '') => {
    const child = lab.host.start([program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    // One that ends without reading is judged by how it ended.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    const { stdout, stderr, exitCode } = await finish(child);
    if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
  /** All that the packet filter has. */
  const ruleset = async () =>
    (await lab.host.mustRun(['nft', 'list', 'ruleset'])).replace(/packets \d+ bytes \d+/g, '');

  describe.each([
    ['iptables', ['iptables', 'ip6tables', 'nft']],
    ['nftables, where there is no iptables', ['nft']],
  ])('by %s', (_what, programs) => {
    const find = async (name: string) => (programs.includes(name) ? name : null);
    const open = async () => {
      const rule = await findPortRule(signal, runInside, find);
      if (rule === null) throw new Error('none was found');
      return rule;
    };
    const ways = (): readonly [string, () => Promise<boolean>][] => [
      ['another host', () => curl(outside, 'http://10.1.0.1:8080/')],
      ['another host, by IPv6', () => curl(outside, 'http://[fd01::1]:8080/')],
      ['the host itself, by its address', () => curl(lab.host, 'http://10.1.0.1:8080/')],
      ['the host itself, by IPv6', () => curl(lab.host, 'http://[fd01::1]:8080/')],
    ];
    async function reached(): Promise<string[]> {
      const names = [];
      for (const [name, way] of ways()) if (await way()) names.push(name);
      return names;
    }

    test('what is asked of the host is answered by the one behind it, until it is not', async () => {
      const rule = await open();
      // Whoever asks for the rules makes the chains of what has none.
      await rule.list(signal);
      const before = await ruleset();
      expect(await reached()).toEqual([]);
      await rule.add('ed_web', [redirect, ipv6], signal);
      expect(await rule.list(signal)).toEqual(new Set(['ed_web']));
      await expect.poll(reached).toEqual(ways().map(([name]) => name));
      // The one behind is as closed as it was, and loopback is another's.
      expect(await curl(outside, 'http://10.2.0.5/')).toBe(false);
      expect(await curl(lab.host, 'http://127.0.0.1:8080/')).toBe(false);
      expect(await curl(behind, 'http://10.1.0.1:8080/')).toBe(false);
      await (await open()).remove('ed_web', signal);
      expect(await rule.list(signal)).toEqual(new Set());
      expect(await reached()).toEqual([]);
      if (programs.length === 1) expect(await ruleset()).toBe(before);
    });

    test('rules of several are told from one another', async () => {
      const rule: PortRule = await open();
      const datagrams: Redirect = { ...redirect, protocol: 'udp' };
      await rule.add('ed_a.b-c', [{ ...redirect, hostAddress: '10.1.0.1' }, datagrams], signal);
      await rule.add('ed_web', [{ ...redirect, hostPort: 8081 }], signal);
      expect(await rule.list(signal)).toEqual(new Set(['ed_a.b-c', 'ed_web']));
      await rule.remove('ed_web', signal);
      expect(await curl(outside, 'http://10.1.0.1:8080/')).toBe(true);
      expect(await curl(outside, 'http://10.1.0.1:8081/')).toBe(false);
      expect(await outside.mustRun([process.execPath, '-e', DATAGRAM_CLIENT])).toBe('behind\n');
      await rule.remove('ed_a.b-c', signal);
      expect(await rule.list(signal)).toEqual(new Set());
    });

    test('one that cannot be leaves nothing', async () => {
      const rule = await open();
      const wrong = { ...redirect, bridge: 'a-name-that-is-too-long-for-a-link' };
      await expect(rule.add('ed_web', [redirect, wrong], signal)).rejects.toThrow();
      expect(await rule.list(signal)).toEqual(new Set());
    });
  });

  test('without any program there is no rule, nor where it may not be used', async () => {
    expect(await findPortRule(signal, runInside, async () => null)).toBeNull();
    const denied: RunTool = async () => {
      throw new Error('Operation not permitted');
    };
    expect(await findPortRule(signal, denied, async (name) => name)).toBeNull();
  });
});
