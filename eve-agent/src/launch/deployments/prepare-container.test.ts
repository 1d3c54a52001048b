// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentSettings } from './deployment-settings.ts';
import { prepareContainer } from './prepare-container.ts';

describe('the container of a deployment', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'prepare-')));
    await mkdir(join(folder, 'app'));
    await writeFile(join(folder, 'app', 'variables'), 'A=file\n');
    await symlink('/etc', join(folder, 'app', 'link'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const prepare = async (
    args: DeploymentSettings['args'],
    more: Partial<DeploymentSettings> = {},
    api = 41,
  ) => {
    const settings: DeploymentSettings = {
      ...{ name: 'web', args, image: null, health: null, settleMs: 0, keep: 1, stopSeconds: 10 },
      ...{ allow: [], allowedHostPaths: [join(folder, 'app')] },
      ...more,
    };
    const address = { kind: 'unix', path: join(folder, 'app', 'engine.sock') } as const;
    const specOf = await prepareContainer(settings, { address, apiVersion: async () => api });
    return specOf('ed_web:1');
  };

  it('is made of a list or of one text', async () => {
    const spec = { Image: 'ed_web:1', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } };
    expect(await prepare(['-p', '8080:80'])).toMatchObject(spec);
    expect(await prepare("-p '8080:80'")).toMatchObject(spec);
  });

  it('has what its files say', async () => {
    const file = join(folder, 'app', 'variables');
    expect(await prepare(['--env-file', file, '-e', 'B=flag'])).toMatchObject({ Env: ['A=file', 'B=flag'] });
  });

  it.each<[string, (folder: string) => string[], string]>([
    ['a wrong argument', () => ['--publsh=80'], 'docker run has no flag --publsh; did you mean --publish?'],
    [
      'a permission that is missing',
      () => ['--privileged'],
      '--privileged true needs "privileged" in "allow"',
    ],
    ['a path by a link', (at) => ['-v', `${at}/app/link:/x`], 'needs its path in "allowedHostPaths"'],
    ['the socket of its engine', (at) => ['-v', `${at}/app:/x`], 'needs "docker-socket" in "allow"'],
    [
      'a flag of newer engines',
      () => ['--health-start-interval', '5s'],
      'speaks API 1.44, this one speaks 1.41',
    ],
  ])('is none with %s', async (_title, args, why) => {
    const failure = prepare(args(folder));
    await expect(failure).rejects.toMatchObject({ code: 'DEPLOYMENT_UNUSABLE' });
    await expect(failure).rejects.toThrow('deployment web cannot be run as it is configured: ');
    await expect(failure).rejects.toThrow(why);
  });

  it('is one with what is allowed, at an engine that is new enough', async () => {
    expect(await prepare(['--privileged'], { allow: ['privileged'] })).toMatchObject({
      HostConfig: { Privileged: true },
    });
    expect(await prepare(['--health-start-interval', '5s'], {}, 44)).toMatchObject({
      Healthcheck: { StartInterval: 5e9 },
    });
  });
});
