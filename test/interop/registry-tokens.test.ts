// SPDX-License-Identifier: Apache-2.0
/** Tokens of the datastore, judged by Debian's docker-registry, and had by clients that nobody here wrote. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImageLayout, type ImageLayout } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startTokenRegistry, type TokenRegistry } from '../lab/token-registry.ts';
import { describeWith } from '../requirements.ts';

const DEVICE = '6f1c2a3b-0000-4000-8000-000000000001';
const WRITE_TOKEN = 'the-write-token-of-this-test';
const REGISTRY = '127.0.0.1:5000';
const GRANTS = `version: 1
grants:
  - { who: "group:lab", repositories: "lab/**", actions: [pull, push, delete] }
  - { who: "device:${DEVICE}", images: "lab/app:1", actions: pull }
  - { who: anonymous, repositories: "public/**", actions: pull }
`;

describeWith(
  ['lab', 'root', 'docker-registry', 'skopeo', 'podman'],
  'tokens for Debian’s docker-registry',
  () => {
    describe.each(['id', 'certificate'] as const)('which say their key by %s', (how) => {
      let folder: string;
      let lab: Lab;
      let app: App;
      let both: TokenRegistry;
      let made: ImageLayout;
      /** By the name of who has them. */
      const secrets: Record<string, string> = {};

      const credential = (who: string | undefined) =>
        who === undefined ? ['no-creds'] : [`creds=${who}:${secrets[who]}`];
      /** What skopeo says, or `done`. */
      async function copy(options: string[], from: string, to: string): Promise<string> {
        const { exitCode, stderr } = await app.run(['skopeo', 'copy', ...options, from, to]);
        return exitCode === 0 ? 'done' : stderr;
      }
      const push = (who: string | undefined, repository: string) =>
        copy(
          ['--dest-tls-verify=false', ...credential(who).map((option) => `--dest-${option}`)],
          `oci:${made.folder}:1`,
          `docker://${REGISTRY}/${repository}:1`,
        );
      const pull = (who: string | undefined, repository: string) =>
        copy(
          ['--src-tls-verify=false', ...credential(who).map((option) => `--src-${option}`)],
          `docker://${REGISTRY}/${repository}:1`,
          `dir:${join(folder, `pulled-${randomBytes(4).toString('hex')}`)}`,
        );

      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'registry-tokens-'));
        lab = await createLab();
        await lab.addBridge('bn1', '10.1.0.1/24');
        app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
        both = await startTokenRegistry(app, {
          ...{ folder, address: '10.1.0.5', port: 5000, grants: GRANTS, writeToken: WRITE_TOKEN, key: how },
        });
        made = await createImageLayout(join(folder, 'made'));
        await made.addImage({ layers: [randomBytes(1000)] }, '1');
        secrets.admin = WRITE_TOKEN;
        secrets.alice = (
          await both.command<{ password: string }>('user', 'add', 'alice', '--group', 'lab')
        ).password;
        secrets[DEVICE] = (await both.command<{ key: string }>('device', 'add', DEVICE)).key;
        for (const repository of ['public/os', 'other/app'])
          expect(await push('admin', repository)).toBe('done');
        expect(await push('alice', 'lab/app')).toBe('done');
      });
      afterAll(async () => {
        await both?.stop();
        await lab?.stop();
        await rm(folder, { recursive: true, force: true });
      });

      it.each([
        [undefined, 'public/os', true],
        [undefined, 'lab/app', false],
        [DEVICE, 'lab/app', true],
        [DEVICE, 'other/app', false],
        [DEVICE, 'public/os', true],
        ['alice', 'lab/app', true],
        ['alice', 'other/app', false],
        ['admin', 'other/app', true],
      ])('%s pulls %s: %s', async (who, repository, isAllowed) => {
        const said = await pull(who, repository);
        expect(said).toEqual(
          isAllowed ? 'done' : expect.stringMatching(/denied|unauthorized|authentication required/),
        );
      });

      it.each([
        [undefined, 'public/os', false],
        [DEVICE, 'lab/app', false],
        ['alice', 'lab/other', true],
        ['alice', 'other/app', false],
      ])('%s pushes %s: %s', async (who, repository, isAllowed) => {
        const said = await push(who, repository);
        expect(said).toEqual(
          isAllowed ? 'done' : expect.stringMatching(/denied|unauthorized|authentication required/),
        );
      });

      it('a temporary token pushes where it is for, until it is revoked', async () => {
        const made = await both.command<{ user: string; password: string }>(
          ...['token', 'create', '--op', 'push', '--repository', 'tmp/app'],
        );
        secrets[made.user] = made.password;
        expect(await push(made.user, 'tmp/app')).toBe('done');
        expect(await push(made.user, 'tmp/other')).toMatch(/denied|unauthorized|authentication required/);
        await both.command('token', 'revoke', made.user);
        expect(await push(made.user, 'tmp/app')).toMatch(/unauthorized|invalid username\/password/);
      });

      it.each(['skopeo', 'podman'])('%s logs in, and not with a wrong password', async (client) => {
        const file = join(folder, `${client}.json`);
        const login = (password: string) =>
          app.run([
            ...[client, 'login', '--authfile', file, '--tls-verify=false'],
            ...['--username', 'alice', '--password', password, REGISTRY],
          ]);
        expect(await login(secrets.alice ?? '')).toMatchObject({ exitCode: 0 });
        const refused = await login('wrong');
        expect(refused.exitCode).not.toBe(0);
        expect(refused.stderr).toMatch(/401|unauthorized|invalid username/);
      });
    });
  },
);
