// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { DebianHost } from './debian-host.ts';

const UNIT = 'datastore-app.service';
const PACKAGE = '/root/datastore-app.deb';
const ENVIRONMENT_FILE = '/etc/datastore-app/datastore-app.env';
const ROOT = '/var/lib/datastore/images';
const STATE = '/var/lib/datastore/state';
const HOST_NAME = 'host-ds';
const SETTINGS = `DATASTORE_HOST_NAME=${HOST_NAME}\n`;
/** The one capability of the service, to take ports 80 and 443: CAP_NET_BIND_SERVICE, of linux/capability.h. */
const BIND_SERVICE = 1 << 10;

const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
/** In one argument of a command, as base64: the kernel takes 128 KiB (execve(2)). */
const COPIED = randomBytes(60_000);
const UPLOADED = randomBytes(500_000);

export interface DatastoreServiceScene {
  readonly host: DebianHost;
  /** The Debian package, on this machine. */
  readonly packageFile: string;
}

/** The datastore's package on a host that has the agent's, too; the host is left as it was. */
export function describeDatastoreService(scene: () => DatastoreServiceScene): void {
  describe('with the package of the datastore', () => {
    const host = () => scene().host;
    const write = (path: string, text: string) =>
      host().mustRun('sh', '-c', 'printf %s "$1" >"$2"', 'sh', text, path);
    const accessOf = (path: string) => host().mustRun('stat', '--format', '%U %G %a', path);
    const stateOf = (...properties: string[]) => host().show(UNIT, 'ActiveState', ...properties);
    const pidOf = async () => (await stateOf('MainPID')).MainPID ?? '';
    const health = async () => (await host().run('datastore-app', 'health')).exitCode;
    const request = async (path: string, init?: RequestInit) => {
      const address = /inet ([\d.]+)\//.exec(
        await host().mustRun('ip', '-4', 'address', 'show', 'dev', 'bn1'),
      );
      return fetch(`http://${address?.[1]}${path}`, init);
    };
    const digestOf = async (name: string) => {
      const response = await request(`/${name}`);
      return response.ok ? sha256Of(await response.bytes()) : response.status;
    };

    test('is installed by dpkg, with its user and folders, and starts nothing', async () => {
      await host().copy(scene().packageFile, PACKAGE);
      await host().mustRun('dpkg', '--install', PACKAGE);
      expect(await host().mustRun('getent', 'passwd', 'datastore-app')).toMatch(
        /:\/var\/lib\/datastore:\/usr\/sbin\/nologin$/,
      );
      expect(await accessOf(ROOT)).toBe('datastore-app datastore-app 2775');
      expect(await accessOf(STATE)).toBe('datastore-app datastore-app 700');
      expect(await stateOf('UnitFileState')).toEqual({ ActiveState: 'inactive', UnitFileState: 'disabled' });
      expect(await health()).toBe(3);
    });

    test('serves on port 80 with no right but that to take it', async () => {
      await write(ENVIRONMENT_FILE, SETTINGS);
      await host().mustRun('systemctl', 'enable', '--now', UNIT);
      await expect.poll(health).toBe(0);
      const pid = await pidOf();
      const uid = await host().mustRun('id', '--user', 'datastore-app');
      const status = await host().mustRun('cat', `/proc/${pid}/status`);
      const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1];
      expect(field('Uid')).toBe([uid, uid, uid, uid].join('\t'));
      expect(['NoNewPrivs', 'Seccomp'].map(field)).toEqual(['1', '2']);
      for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) {
        expect([set, Number.parseInt(field(set) ?? '', 16)]).toEqual([set, BIND_SERVICE]);
      }
      const places = ['/', '/usr', '/etc', '/var', '/var/lib', '/sys/fs/cgroup', '/proc/sys/kernel'];
      const mayWrite = 'for place; do test ! -w "$place" || echo "$place"; done';
      const inside = ['nsenter', '--mount', '--target', pid, 'sh', '-c', mayWrite, 'sh'];
      expect(await host().mustRun(...inside, ...places, ROOT, STATE, '/tmp')).toBe(`${ROOT}\n${STATE}\n/tmp`);
    });

    test('has every hardening of the unit in force', async () => {
      const { FragmentPath = '' } = await stateOf('FragmentPath');
      const unit = await host().mustRun('cat', FragmentPath);
      const settings = [...unit.matchAll(/^(\w+)=(yes|no|strict|closed|invisible)$/gm)].map(
        ([, name = '', value = '']) => [name, value] as const,
      );
      expect(settings.length).toBeGreaterThan(15);
      expect(await host().show(UNIT, ...settings.map(([name]) => name))).toEqual(
        Object.fromEntries(settings),
      );
    });

    test('takes images that a member of its group copies, and that are uploaded with its token', async () => {
      await host().mustRun('useradd', '--groups', 'datastore-app', 'importer');
      await write('/tmp/copied.base64', COPIED.toString('base64'));
      await host().mustRun(
        'runuser',
        '-u',
        'importer',
        '--',
        'sh',
        '-c',
        `base64 -d /tmp/copied.base64 >${ROOT}/copied.img`,
      );
      await expect.poll(() => digestOf('copied.img')).toBe(sha256Of(COPIED));
      const token = await host().mustRun('datastore-app', 'token');
      const stranger = await host().run('runuser', '-u', 'importer', '--', 'datastore-app', 'token');
      expect(stranger.exitCode).not.toBe(0);
      const headers = { authorization: `Bearer ${token}` };
      const { status } = await request('/uploaded.img', { method: 'PUT', headers, body: UPLOADED });
      expect(status).toBe(201);
      expect(await digestOf('uploaded.img')).toBe(sha256Of(UPLOADED));
    });

    test('parses what is brought in a process without rights', async () => {
      const parsing = async () =>
        ((await (await request('/-/api/v1/status')).json()) as { parsing: unknown }).parsing;
      await expect.poll(parsing).toMatchObject({
        place: 'confined process',
        reason: null,
        process: { state: 'running' },
      });
    });

    test('is found by its name, by the agent of the same host', async () => {
      const url = `http://${HOST_NAME}.local/uploaded.img`;
      const options = ['--bridge', 'bn1', '--sha256', sha256Of(UPLOADED), '--output', '/tmp/fetched.img'];
      await host().mustRun('eve-agent', 'download', url, ...options);
    });

    test('is started again after kill -9, with all that it had', async () => {
      const before = await pidOf();
      await host().mustRun('sh', '-c', 'kill -9 "$1"', 'sh', before);
      await expect.poll(() => stateOf('NRestarts')).toEqual({ ActiveState: 'active', NRestarts: '1' });
      await expect.poll(health).toBe(0);
      expect(await pidOf()).not.toBe(before);
      expect(await digestOf('uploaded.img')).toBe(sha256Of(UPLOADED));
    });

    test('stays down where a setting is wrong, and says which', async () => {
      await write(ENVIRONMENT_FILE, 'DATASTORE_PORT=many\n');
      await host().mustRun('systemctl', 'restart', UNIT);
      await expect
        .poll(() => stateOf('ExecMainStatus'))
        .toEqual({ ActiveState: 'failed', ExecMainStatus: '2' });
      const log = await host().mustRun('journalctl', '--unit', UNIT, '--output', 'cat', '--no-pager');
      expect(log).toContain('DATASTORE_PORT');
      await write(ENVIRONMENT_FILE, SETTINGS);
      await host().mustRun('systemctl', 'restart', UNIT);
      await expect.poll(health).toBe(0);
    });

    test('is started again by an upgrade, and ends with 0 when it is stopped', async () => {
      const before = await pidOf();
      await host().mustRun('dpkg', '--install', PACKAGE);
      await expect.poll(health).toBe(0);
      expect(await pidOf()).not.toBe(before);
      await host().mustRun('systemctl', 'stop', UNIT);
      expect(await stateOf('Result', 'ExecMainStatus')).toEqual({
        ...{ ActiveState: 'inactive', Result: 'success', ExecMainStatus: '0' },
      });
      expect(await host().mustRun('cat', ENVIRONMENT_FILE)).toBe(SETTINGS.trimEnd());
    });

    test('leaves nothing but its user and the images after a purge', async () => {
      await host().mustRun('dpkg', '--purge', 'datastore-app');
      expect(await host().mustRun('find', '/etc', '/usr', '/var/lib', '-name', '*datastore-app*')).toBe('');
      expect(await host().mustRun('sha256sum', `${ROOT}/uploaded.img`)).toContain(sha256Of(UPLOADED));
      expect(await host().mustRun('ls', '/var/lib/datastore')).toBe('images');
      await host().mustRun('rm', '-r', '/var/lib/datastore', '/tmp/fetched.img', '/tmp/copied.base64');
      expect(await host().mustRun('systemctl', 'is-system-running')).toBe('running');
    });
  });
}
