// SPDX-License-Identifier: Apache-2.0
/** The client of DHCP as a process with all layers: it gets an address through what it was given, and can do nothing else. */
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALF_USERS, type CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { calfScriptName } from '@local-datastore/shared/confinement/launcher/roles';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { bundleScriptsOf, findCalves } from '../../compose/calf-scripts.ts';
import { ipv4Bytes } from '../../eve-agent/src/sandbox/calves/dhcp/address-bytes.ts';
import { OPTION } from '../../eve-agent/src/sandbox/calves/dhcp/option-codes.ts';
import { findCalf } from '../../eve-agent/src/sandbox/calves/find-calf.ts';
import { type DhcpClient, makeClientFolder, startDhcpClient } from '../lab/dhcp/dhcp-client.ts';
import {
  rightly,
  type ScriptedDhcpServer,
  startScriptedDhcpServer,
} from '../lab/dhcp/scripted-dhcp-server.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { describeWith } from '../requirements.ts';

const SCRIPT = calfScriptName('dhcp');
let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'dhcp-calf-'));
  await bundleScriptsOf({ [SCRIPT]: (await findCalves('eve-agent'))[SCRIPT] ?? '' }, bundle);
});
afterAll(() => rm(bundle, { recursive: true }));

const CODES: readonly [string, () => CalfCode][] = [
  ['from source', () => findCalf('dhcp')],
  ['as a bundle', () => ({ kind: 'script', file: join(bundle, SCRIPT) })],
];

for (const [form, code] of CODES)
  describeWith(['lab', 'root'], `the client of DHCP in a process of its own, ${form}`, () => {
    let lab: Lab;
    let server: ScriptedDhcpServer;
    let folder: string;
    let client: DhcpClient;

    beforeEach(async () => {
      lab = await createLab();
      await lab.addBridge('bn1', '10.0.0.1/24');
      server = await startScriptedDhcpServer(await lab.addApp({ name: 'server', bridge: 'bn1' }));
      const app = await lab.addApp({ name: 'client', bridge: 'bn1', mac: '02:00:00:00:00:01' });
      folder = await makeClientFolder();
      server.answer(rightly({ options: { [OPTION.nameServer]: ipv4Bytes('10.0.0.53') } }));
      client = await startDhcpClient(app, { folder, confined: code() });
    });
    afterEach(async () => {
      await client.dhcp.close();
      await server.stop();
      await lab.stop();
      await rm(folder, { recursive: true });
    });
    /** The client says so, and what it was told is set. */
    const bound = () =>
      expect
        .poll(
          () => {
            const { state, lease } = client.dhcp.status();
            return [state, lease?.address];
          },
          { message: client.lines.join('\n') },
        )
        .toEqual(['bound', '10.0.0.50']);

    it('has a lease, and neither rights nor a network but the one socket (dhcpcd #127)', async () => {
      await bound();
      expect(await client.addresses()).toContain('inet 10.0.0.50/24 ');
      expect(await client.resolvConf()).toContain('nameserver 10.0.0.53\n');
      const proc = `/proc/${client.dhcp.status().pid}`;
      const status = await readFile(`${proc}/status`, 'utf8');
      for (const line of [
        `Uid:\t${Array(4).fill(CALF_USERS.dhcp).join('\t')}`,
        'CapEff:\t0000000000000000',
        'CapBnd:\t0000000000000000',
        'NoNewPrivs:\t1',
        'Seccomp:\t2',
      ])
        expect(status).toContain(`${line}\n`);
      const interfaces = (await readFile(`${proc}/net/dev`, 'utf8')).matchAll(/^ *([^ :|]+):/gm);
      expect([...interfaces].map(([, name]) => name)).toEqual(['lo']);
      const descriptors = await Promise.all(
        (await readdir(`${proc}/fd`)).map((fd) => readlink(`${proc}/fd/${fd}`)),
      );
      // The store, the channel, the packet socket, and where it writes its log.
      expect(descriptors.filter((target) => target.startsWith('socket:')).length).toBeGreaterThanOrEqual(3);
      expect(descriptors.filter((target) => /^\/(?!dev\/null$)./.test(target))).toEqual([]);
    });

    it('is started again when it is killed, asks for its address again, and gives it back', async () => {
      await bound();
      const { pid } = client.dhcp.status();
      const count = server.asked.length;
      process.kill(pid as number, 'SIGKILL');
      await expect.poll(() => server.asked.length).toBeGreaterThan(count);
      expect(await client.addresses()).toContain('inet 10.0.0.50/24 ');
      const again = server.asked[count];
      expect(again?.type).toBe('request');
      expect(again?.message.options.get(OPTION.requestedAddress)).toEqual(ipv4Bytes('10.0.0.50'));
      await bound();
      expect(client.dhcp.status().pid).not.toBe(pid);
      await client.dhcp.release();
      await expect.poll(() => server.asked.at(-1)?.type).toBe('release');
      expect([await client.addresses(), await client.routes(), await client.resolvConf()]).toEqual([
        '',
        '',
        '',
      ]);
    });
  });
