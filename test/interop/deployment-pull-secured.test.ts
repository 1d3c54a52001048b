// SPDX-License-Identifier: Apache-2.0
/** A deployment whose image comes from Debian's docker-registry, which wants a password and shows a certificate. */
import { copyFile, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createDeploymentHost, type DeploymentHost, WEB_PORT } from '../lab/deployments/deployment-host.ts';
import type { App } from '../lab/lab.ts';
import { type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const PASSWORD = 'a-password-of-this-test';
const PAIR = Buffer.from(`puller:${PASSWORD}`).toString('base64');
/** Of that password. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYu8tOFjKKv965G9WNTXr6guPpczogki0S\n';
const PORT = 5001;
const REGISTRY = `ds.local:${PORT}`;
/** About 1 MB/s: a pull takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '8mbit', 'burst', '64kb', 'latency', '400ms'];
const FILLER_BYTES = 12 * 1024 * 1024;
const CA_KEPT = 'the authorities of registries stay as they were';

describeWith(
  ['lab', 'root', 'dockerd', 'iptables', 'nginx', 'skopeo', 'docker-registry', 'openssl', 'curl', 'tc'],
  'a deployment that is pulled from a registry with passwords, over https',
  () => {
    let host: DeploymentHost;
    let app: App;
    let datastore: RunningDatastore;
    let registry: DebianRegistry;
    const answers: string[] = [];

    async function pull(image = `docker://${REGISTRY}/lab/web:v1`) {
      const path = `/v1/deployments/web/pull?image=${encodeURIComponent(image)}`;
      const { status, body } = await host.curl(host.client('ci'), path, '--request', 'POST');
      answers.push(body);
      return { status, ...(JSON.parse(body) as Record<string, unknown>) };
    }
    async function push(word: string, fillerBytes?: number) {
      const options = ['--dest-creds', `puller:${PASSWORD}`, '--dest-tls-verify=false'];
      const to = `docker://127.0.0.1:${PORT}/lab/web:${word}`;
      const archive = await host.archive(word, fillerBytes);
      await app.mustRun(['skopeo', 'copy', ...options, `docker-archive:${archive}`, to]);
    }
    /** As `docker login` writes it, in place of what is there. */
    async function writeAuth(auths: object): Promise<void> {
      await writeFile(host.at('auth.json.new'), JSON.stringify({ auths }));
      await rename(host.at('auth.json.new'), host.at('auth.json'));
    }
    const startAgent = (...args: readonly string[]) =>
      host.startAgent('--registry-auth', host.at('auth.json'), '--ca', host.at('registries.pem'), ...args);
    /** Of what speaks to registries for the agent; null: there is none at the moment. */
    async function netPid(): Promise<number | null> {
      const { stdout } = await host.agent('status', '--state', host.state, '--json');
      const { processes } = JSON.parse(stdout) as {
        processes: readonly { name: string; pid: number | null }[];
      };
      return processes.find(({ name }) => name === 'net')?.pid ?? null;
    }
    /** Of blobs that are not whole. */
    async function arrivedBytes(): Promise<number> {
      const folder = join(host.state, 'pending', 'pulls', 'web', 'blobs', 'sha256');
      const names = await readdir(folder).catch(() => []);
      const sizes = names
        .filter((name) => name.endsWith('.partial'))
        .map((name) =>
          stat(join(folder, name)).then(
            ({ size }) => size,
            () => 0,
          ),
        );
      return Math.max(0, ...(await Promise.all(sizes)));
    }
    const useCa = async (file: string) => {
      await copyFile(file, host.at('registries.pem.new'));
      await rename(host.at('registries.pem.new'), host.at('registries.pem'));
    };

    beforeAll(async () => {
      host = await createDeploymentHost(['ci']);
      app = await host.lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      // Gives the name on the bridge.
      datastore = await startDatastore(app, [
        ...[
          '--root',
          host.at('root'),
          '--state',
          host.at('datastore'),
          '--host-name',
          'ds',
          '--reserve',
          '0',
        ],
      ]);
      const [right, other] = await Promise.all(
        ['right', 'other'].map((name) => createAuthority(host.folder, name)),
      );
      if (right === undefined || other === undefined) throw new Error('no authorities');
      registry = await startDebianRegistry(app, {
        ...{ folder: host.at('registry'), port: PORT, htpasswd: HTPASSWD },
        tls: await right.issue('registry', 'DNS:ds.local'),
      });
      for (const word of ['v1', 'v2']) await push(word);
      await host.configure({
        deployments: [
          {
            ...{ name: 'web', args: ['-p', `${WEB_PORT}:80`], settle: '300ms' },
            health: { kind: 'http', port: 80 },
          },
        ],
      });
      await writeAuth({});
      await useCa(host.at('other-ca.pem'));
      await startAgent();
    });
    afterAll(async () => {
      await registry?.stop();
      await datastore?.stop();
      await host?.stop();
    });

    it('needs the authority of the registry, and the password; both are read again when they change', async () => {
      const detail = expect.stringMatching(/certificate|self-signed/);
      expect(await pull()).toMatchObject({ status: 502, code: 'CONNECTION_FAILED', detail });
      await useCa(host.at('right-ca.pem'));
      expect(await pull()).toMatchObject({ status: 422, code: 'ACCESS_DENIED' });
      await writeAuth({ [REGISTRY]: { auth: PAIR } });
      expect(await pull()).toMatchObject({ status: 200, operation: 'pull', generation: 1 });
      expect(await host.ask()).toBe('v1');
    });

    it('what cannot be used changes nothing, and is told', async () => {
      await writeFile(host.at('registries.pem'), 'no certificate');
      await writeFile(host.at('auth.json'), '{');
      expect(await pull(`docker://${REGISTRY}/lab/web:v2`)).toMatchObject({ status: 200, generation: 2 });
      await expect.poll(host.log).toContain(CA_KEPT);
      expect(host.log()).toContain('the credentials of registries stay as they were');
      expect(await host.ask()).toBe('v2');
    });

    it('a credential of another registry is not shown, and a wrong one changes nothing', async () => {
      await writeAuth({ 'ds.local:5002': { auth: PAIR }, 'other.local': { auth: PAIR } });
      expect(await pull()).toMatchObject({ status: 422, code: 'ACCESS_DENIED' });
      await writeAuth({ [REGISTRY]: { auth: Buffer.from('puller:wrong').toString('base64') } });
      expect(await pull()).toMatchObject({ status: 422, code: 'ACCESS_DENIED' });
      expect(await pull(`docker://puller:${PASSWORD}@${REGISTRY}/lab/web:v1`)).toMatchObject({
        ...{ status: 422, code: 'REFERENCE_INVALID' },
      });
      expect(await host.ask()).toBe('v2');
    });

    it('other processes speak to it and write, and one that is killed in the middle costs nothing', async () => {
      await push('large', FILLER_BYTES);
      await writeAuth({ [REGISTRY]: { auth: PAIR } });
      await useCa(host.at('right-ca.pem'));
      await host.endAgent('SIGTERM');
      await startAgent('--separation');
      await expect.poll(netPid).not.toBeNull();
      const pid = Number(await netPid());
      expect(pid).toBeGreaterThan(0);
      await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
      const pulling = pull(`docker://${REGISTRY}/lab/web:large`);
      await expect.poll(arrivedBytes).toBeGreaterThan(1024 * 1024);
      process.kill(pid, 'SIGKILL');
      await expect.poll(async () => [null, pid].includes(await netPid())).toBe(false);
      await app.mustRun(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
      expect(await pulling).toMatchObject({ status: 200, generation: 3 });
      expect(await host.ask()).toBe('large');
      expect(await readdir(join(host.state, 'pending', 'pulls'))).toEqual([]);

      const written = await readFile(join(host.state, 'audit', '00000001.jsonl'), 'utf8');
      const lines = written
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly actor: string; readonly path: string });
      for (const [actor, path] of [
        ['net', /^\/resolve\/\w+\/outcome\/(?:whole|parts)$/],
        ['net', /^\/download\/\w+\/outcome\/(?:whole|parts)$/],
        ['verifier', /^\/verifier\/\w+\/answer$/],
      ] as const) {
        expect(lines.filter((line) => line.actor === actor && path.test(line.path))).not.toEqual([]);
      }
      for (const secret of [PASSWORD, PAIR]) expect(written).not.toContain(secret);
    });

    it('no secret is written anywhere', async () => {
      const launch = join(host.state, 'launch');
      const files = await readdir(launch, { recursive: true, withFileTypes: true });
      const written = await Promise.all(
        files
          .filter((entry) => entry.isFile())
          .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
      );
      expect(written.join('')).toContain('ACCESS_DENIED');
      for (const text of [host.log(), ...answers, ...written]) {
        expect(text).not.toContain(PASSWORD);
        expect(text).not.toContain(PAIR);
      }
    });

    it('a file that cannot be used from the start is said at once', async () => {
      await writeFile(host.at('auth.json'), PASSWORD);
      const command = ['run', '--state', host.at('other'), '--deployments', host.at('config.json')];
      const { exitCode, stderr } = await host.agent(...command, '--registry-auth', host.at('auth.json'));
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('is no config.json of docker')]);
      expect(stderr).not.toContain(PASSWORD);
    });
  },
);
