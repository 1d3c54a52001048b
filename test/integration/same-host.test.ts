// SPDX-License-Identifier: Apache-2.0
/** Datastore and agent on one machine: the first steps of the README, and what others make of it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { eveAgent, runAgent, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { startMdnsPeer } from './mdns-peer.ts';
import { responseHex, startScriptedResponder } from './scripted-responder.ts';

const CONTENT = Buffer.from('an image of one machine\n'.repeat(4096));

describeWith(['lab'], 'on one machine', () => {
  let lab: Lab;
  let folder: string;
  let root: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'same-host-'));
    root = join(folder, 'images');
    await mkdir(root);
    await writeFile(join(root, 'mine.img'), CONTENT);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    // A bridge without a port that is up has no carrier.
    await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
    await lab.addApp({ name: 'two', bridge: 'bn2', address: '10.2.0.5/24' });
  });
  afterEach(async () => {
    await lab.stop();
    await rm(folder, { recursive: true });
  });

  const serve = (...args: string[]) =>
    startDatastore(lab.host, [
      '--root',
      root,
      '--state',
      join(folder, 'state'),
      '--host-name',
      'ds',
      ...args,
    ]);

  test.each([
    ['on all bridges, asked on all', [], [], ['10.1.0.1', '10.2.0.1']],
    ['on one, asked on all', ['--interface', 'bn2'], [], ['10.2.0.1']],
    ['on all, asked on one', [], ['--bridge', 'bn2'], ['10.2.0.1']],
  ])('a newcomer browses, resolves and downloads: %s', async (_, serveArgs, bridgeArgs, addresses) => {
    await serve(...serveArgs);
    const browsed = await runAgent(lab.host, ['browse', '--json', ...bridgeArgs]);
    const { instances } = JSON.parse(browsed.stdout);
    expect(new Set(instances.flatMap((each: { addresses: string[] }) => each.addresses))).toEqual(
      new Set(addresses),
    );
    const resolved = await runAgent(lab.host, ['resolve', 'http://ds.local/', '--json', ...bridgeArgs]);
    const { address, sourceAddress, responder } = JSON.parse(resolved.stdout);
    expect(addresses).toContain(address);
    expect([sourceAddress, responder]).toEqual([address, address]);
    const target = join(folder, 'got.img');
    const got = await runAgent(lab.host, [
      'download',
      'http://ds.local/mine.img',
      '-o',
      target,
      ...bridgeArgs,
    ]);
    expect(got.exitCode).toBe(0);
    expect(await readFile(target)).toEqual(CONTENT);
  });

  test('a machine without a bridge names its interface', async () => {
    const ip = (...args: string[]) => lab.host.mustRun(['ip', ...args]);
    await ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0-peer');
    await ip('address', 'add', '192.168.7.2/24', 'dev', 'eth0');
    for (const name of ['eth0', 'eth0-peer']) await ip('link', 'set', name, 'up');
    await serve('--interface', 'eth0');
    const { stdout } = await runAgent(lab.host, [
      'resolve',
      'http://ds.local/',
      '--json',
      '--bridge',
      'eth0',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ address: '192.168.7.2', sourceAddress: '192.168.7.2' });
  });

  test('the doctor says so, too', async () => {
    await serve();
    const { stdout, exitCode } = await runAgent(lab.host, ['doctor', 'http://ds.local/mine.img', '--json']);
    expect(exitCode).toBe(0);
    const { checks } = JSON.parse(stdout);
    const address = checks.find(({ id }: { id: string }) => id === 'address');
    expect(address).toMatchObject({ verdict: 'ok' });
    const asEve = await runAgent(lab.host, [
      ...['doctor', 'http://ds.local/mine.img', '--json', '--as-eve', '--bridge', 'bn1'],
    ]);
    expect(asEve.exitCode).toBe(3);
    expect(JSON.parse(asEve.stdout).checks.at(-1)).toMatchObject({
      id: 'stock-eve',
      findings: [
        { code: 'stock-eve-cannot', advice: expect.stringContaining('an address of its own on bn1') },
      ],
    });
  });

  test('a neighbour that claims the bridge’s own address is not believed', async () => {
    const neighbour = await lab.addApp({ name: 'claims', bridge: 'bn1', address: '10.1.0.66/24' });
    const hex = responseHex({ answers: [{ name: 'ds.local', type: 'A', ttl: 120, data: '10.1.0.1' }] });
    await startScriptedResponder(neighbour, '10.1.0.66', [{ question: 'A ds.local', hex }]);
    const { stderr, exitCode } = await runAgent(lab.host, ['resolve', 'http://ds.local/', '--timeout', '4']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('10.1.0.66 on bn1: address-not-of-a-neighbour 10.1.0.1');
  });

  test('nor one that sends from it: the kernel lets in nobody with an address of its own', async () => {
    const neighbour = await lab.addApp({ name: 'spoofs', bridge: 'bn1', address: '10.1.0.1/24' });
    const peer = await startMdnsPeer(neighbour, '10.1.0.1');
    const claim = Buffer.from(
      responseHex({ answers: [{ name: 'ds.local', type: 'A', ttl: 120, data: '10.1.0.1' }] }),
      'hex',
    );
    const child = lab.host.start(eveAgent('resolve', 'http://ds.local/', '--timeout', '4', '--json'));
    const finished = finish(child);
    while (child.exitCode === null) await peer.send(claim, claim);
    const { stderr, exitCode } = await finished;
    expect(exitCode).toBe(3);
    // Nor are our own questions, which the kernel loops back, anybody's answer.
    expect(JSON.parse(stderr).error.details).toMatchObject({ received: 0, refusals: [], otherNames: [] });
  });
});
