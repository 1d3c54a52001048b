// SPDX-License-Identifier: Apache-2.0
/** A deployment whose image comes from Debian's docker-registry, which wants a password and shows a certificate. */
import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createDeploymentHost, type DeploymentHost, WEB_PORT } from '../lab/deployments/deployment-host.ts';
import { type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const PASSWORD = 'a-password-of-this-test';
const PAIR = Buffer.from(`puller:${PASSWORD}`).toString('base64');
/** Of that password. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYu8tOFjKKv965G9WNTXr6guPpczogki0S\n';
const PORT = 5001;
const REGISTRY = `ds.local:${PORT}`;
const CA_KEPT = 'the authorities of registries stay as they were';

describeWith(
  ['lab', 'root', 'dockerd', 'iptables', 'nginx', 'skopeo', 'docker-registry', 'openssl', 'curl'],
  'a deployment that is pulled from a registry with passwords, over https',
  () => {
    let host: DeploymentHost;
    let datastore: RunningDatastore;
    let registry: DebianRegistry;
    const answers: string[] = [];

    async function pull(image = `docker://${REGISTRY}/lab/web:v1`) {
      const path = `/v1/deployments/web/pull?image=${encodeURIComponent(image)}`;
      const { status, body } = await host.curl(host.client('ci'), path, '--request', 'POST');
      answers.push(body);
      return { status, ...(JSON.parse(body) as Record<string, unknown>) };
    }
    /** As `docker login` writes it, in place of what is there. */
    async function writeAuth(auths: object): Promise<void> {
      await writeFile(host.at('auth.json.new'), JSON.stringify({ auths }));
      await rename(host.at('auth.json.new'), host.at('auth.json'));
    }
    const useCa = async (file: string) => {
      await copyFile(file, host.at('registries.pem.new'));
      await rename(host.at('registries.pem.new'), host.at('registries.pem'));
    };

    beforeAll(async () => {
      host = await createDeploymentHost(['ci']);
      const app = await host.lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
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
      for (const word of ['v1', 'v2']) {
        const options = ['--dest-creds', `puller:${PASSWORD}`, '--dest-tls-verify=false'];
        const to = `docker://127.0.0.1:${PORT}/lab/web:${word}`;
        await app.mustRun(['skopeo', 'copy', ...options, `docker-archive:${await host.archive(word)}`, to]);
      }
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
      await host.startAgent('--registry-auth', host.at('auth.json'), '--ca', host.at('registries.pem'));
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
