// SPDX-License-Identifier: Apache-2.0
/** The agent's pulls from Debian’s docker-registry where it wants tokens of a datastore, or names and passwords. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { MIRROR_PLACE, startMirror } from '../lab/running-mirror.ts';
import { startTokenRegistry, type TokenRegistry } from '../lab/token-registry.ts';
import { describeWith } from '../requirements.ts';

const DEVICE = '6f1c2a3b-0000-4000-8000-000000000001';
const WRITE_TOKEN = 'the-write-token-of-this-test';
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const GRANTS = `version: 1
grants:
  - { who: "group:lab", repositories: "lab/**", actions: [pull, push, delete] }
  - { who: "device:${DEVICE}", images: "lab/app:1", actions: pull }
  - { who: anonymous, repositories: "public/**", actions: pull }
`;
/** By name, at the port with tokens and at the one with passwords. */
const [TOKENS, BASIC] = ['ds.local:5000', 'ds.local:5001'];
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describeWith(
  ['lab', 'root', 'docker-registry', 'skopeo', 'curl'],
  'what Debian’s docker-registry gives to those who may have it',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let both: TokenRegistry;
    let made: ImageLayout;
    let image: MadeImage;
    /** Passwords and keys by the names of those who have them. */
    const secrets: Record<string, string> = { puller: 'secret', nobody: 'a-wrong-password' };
    const secretOf = (who: string) => secrets[who] ?? '';
    const noSecretIn = (text: string) => {
      for (const [who, secret] of Object.entries(secrets)) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(basic(who, secret).slice('Basic '.length));
      }
    };
    /** As `docker login` writes it. */
    async function authFile(entries: Readonly<Record<string, string>>): Promise<string> {
      const auths = Object.fromEntries(
        Object.entries(entries).map(([place, who]) => [
          place,
          { auth: basic(who, secretOf(who)).slice('Basic '.length) },
        ]),
      );
      const file = join(folder, `auth-${randomBytes(4).toString('hex')}.json`);
      await writeFile(file, JSON.stringify({ auths }));
      return file;
    }
    async function pull(name: string, ...args: readonly string[]) {
      const target = join(folder, `pulled-${randomBytes(4).toString('hex')}`);
      const ended = await runAgent(lab.host, [
        'download',
        `docker://${name}:1`,
        '-o',
        target,
        '--json',
        ...args,
      ]);
      noSecretIn(ended.stderr + ended.stdout);
      const last = ended.stderr.trim().split('\n').at(-1) ?? '{}';
      return ended.exitCode === 0 ? 'pulled' : (JSON.parse(last).error.code as string);
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-tokens-agent-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      both = await startTokenRegistry(app, {
        ...{ folder: join(folder, 'tokens'), address: '10.1.0.5', port: 5000, key: 'id' },
        ...{ grants: GRANTS, writeToken: WRITE_TOKEN },
      });
      const plain = await startDebianRegistry(app, {
        ...{ folder: join(folder, 'passwords'), port: 5001, htpasswd: HTPASSWD },
      });
      secrets.admin = WRITE_TOKEN;
      const added = await both.command<{ password: string }>('user', 'add', 'alice', '--group', 'lab');
      secrets.alice = added.password;
      secrets[DEVICE] = (await both.command<{ key: string }>('device', 'add', DEVICE)).key;
      made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(2 * 1024 * 1024), Buffer.from('small')] }, '1');
      const as = (who: string) => ['--dest-creds', `${who}:${secretOf(who)}`];
      for (const repository of ['public/os', 'lab/app', 'other/app'])
        await both.registry.push(made.folder, '1', repository, ...as('admin'));
      await plain.push(made.folder, '1', 'lab/app', ...as('puller'));
    });
    afterAll(async () => {
      await both?.stop();
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    describe.each(['--auth', '--registry-auth'])('by %s', (option) => {
      const shown = async (host: string, who: string | undefined) => {
        if (who === undefined) return [];
        return [option, option === '--auth' ? basic(who, secretOf(who)) : await authFile({ [host]: who })];
      };
      it.each([
        [undefined, TOKENS, 'public/os', 'pulled'],
        [undefined, TOKENS, 'lab/app', 'ACCESS_DENIED'],
        ['alice', TOKENS, 'lab/app', 'pulled'],
        ['alice', TOKENS, 'public/os', 'pulled'],
        ['alice', TOKENS, 'other/app', 'ACCESS_DENIED'],
        [DEVICE, TOKENS, 'lab/app', 'pulled'],
        [DEVICE, TOKENS, 'other/app', 'ACCESS_DENIED'],
        ['admin', TOKENS, 'other/app', 'pulled'],
        ['nobody', TOKENS, 'public/os', 'ACCESS_DENIED'],
        [undefined, BASIC, 'lab/app', 'ACCESS_DENIED'],
        ['puller', BASIC, 'lab/app', 'pulled'],
        ['nobody', BASIC, 'lab/app', 'ACCESS_DENIED'],
      ])('%s pulls %s/%s: %s', async (who, host, repository, outcome) => {
        expect(await pull(`${host}/${repository}`, ...(await shown(host, who)))).toBe(outcome);
      });
    });

    it.each([
      [
        'of the repository goes before that of the host',
        { [TOKENS]: 'nobody', [`${TOKENS}/lab`]: 'alice' },
        'pulled',
      ],
      ['of another port is not shown', { 'ds.local': 'alice', [BASIC]: 'puller' }, 'ACCESS_DENIED'],
      ['of another host is not shown', { 'other.local:5000': 'alice' }, 'ACCESS_DENIED'],
    ])('an entry of the file %s', async (_what, entries, outcome) => {
      const file = await authFile(entries as Record<string, string>);
      expect(await pull(`${TOKENS}/lab/app`, '--registry-auth', file)).toBe(outcome);
    });

    it('a token that the datastore gave is sent as it is', async () => {
      const scope = encodeURIComponent('repository:lab/app:pull');
      const url = `http://10.1.0.5:8080/-/token?service=ds.local&scope=${scope}`;
      const answer = await app.mustRun(['curl', '-sS', '-u', `alice:${secretOf('alice')}`, url]);
      const { token } = JSON.parse(answer) as { token: string };
      secrets.token = token;
      expect(await pull(`${TOKENS}/lab/app`, '--auth', `Bearer ${token}`)).toBe('pulled');
      expect(await pull(`${TOKENS}/other/app`, '--auth', `Bearer ${token}`)).toBe('ACCESS_DENIED');
    });

    it('content trees come by the credentials of their datastores, and the others say why not', async () => {
      const state = join(folder, 'state');
      const config = join(folder, 'device.json');
      const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
      /** Who pulls what from where, and what comes of it. */
      const trees = [
        ['alice', TOKENS, 'lab/app', 'VERIFIED', ''],
        [DEVICE, TOKENS, 'lab/app', 'VERIFIED', ''],
        ['alice', TOKENS, 'other/app', 'INITIAL', 'ACCESS_DENIED'],
        ['nobody', TOKENS, 'lab/app', 'INITIAL', 'ACCESS_DENIED'],
        [undefined, TOKENS, 'public/os', 'VERIFIED', ''],
        ['puller', BASIC, 'lab/app', 'VERIFIED', ''],
        ['nobody', BASIC, 'lab/app', 'INITIAL', 'ACCESS_DENIED'],
      ] as const;
      await writeFile(
        config,
        JSON.stringify({
          datastores: trees.map(([who, host], i) => ({
            ...{ id: id(100 + i), dType: 'DsContainerRegistry', fqdn: `http://${host}` },
            ...(who !== undefined && { apiKey: who, password: secretOf(who) }),
          })),
          contentInfo: trees.map(([, , repository], i) => ({
            ...{ uuid: id(i), dsIdsList: [id(100 + i)], URL: `${repository}:1` },
            ...{ iformat: 'CONTAINER', displayName: `image-${i}` },
          })),
        }),
      );
      const options = ['--config', config, '--state', state, '--reserve', '0', '--allow-plain-credentials'];
      const agent = lab.host.start(eveAgent('run', ...options), { stdio: ['ignore', 'ignore', 'pipe'] });
      const { log, seen } = waitForLog(agent, '"running"');
      await seen;
      const statusOf = async (i: number) => {
        const file = join(state, 'status', 'ContentTreeStatus', `${id(i)}.json`);
        return JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Partial<ContentTreeStatus>;
      };
      for (const [i, [, , , State, ErrorCode]] of trees.entries()) {
        const expected = ErrorCode === '' ? { State, Error: '' } : { State, ErrorCode };
        await expect.poll(() => statusOf(i), { timeout: 600_000 }).toMatchObject(expected);
      }
      const ended = once(agent, 'exit');
      agent.kill('SIGTERM');
      await ended;
      noSecretIn(log());
      noSecretIn(JSON.stringify(await Promise.all(trees.map((_tree, i) => statusOf(i)))));
    });

    it('the mirror shows each registry its own entry, and gives what comes of it', async () => {
      const file = await authFile({ [TOKENS]: 'alice', [BASIC]: 'puller' });
      const mirror = await startMirror(lab.host, join(folder, 'cache'), '--registry-auth', file);
      try {
        for (const host of [TOKENS, BASIC]) {
          const name = `docker://${MIRROR_PLACE}/${host.replace(':', '_')}/lab/app:1`;
          const told = await lab.host.mustRun(['skopeo', 'inspect', '--tls-verify=false', name]);
          expect(JSON.parse(told).Digest).toBe(image.manifest.digest);
          const target = `oci:${join(folder, `mirrored-${host.split(':')[1]}`)}:1`;
          await lab.host.mustRun([
            'skopeo',
            'copy',
            '--preserve-digests',
            '--src-tls-verify=false',
            name,
            target,
          ]);
        }
        const refused = await lab.host.mustRun([
          ...[
            'curl',
            '-sS',
            '-w',
            '\n%{http_code}',
            `http://${MIRROR_PLACE}/v2/${TOKENS}/other/app/manifests/1`,
          ],
        ]);
        expect(refused).toMatch(/DENIED[\s\S]*403$/);
        noSecretIn(refused + mirror.log());
      } finally {
        await mirror.end('SIGKILL');
      }
    });
  },
);
