// SPDX-License-Identifier: Apache-2.0
/** Docker's engine and Compose build, push, pull and run images of the registry, over HTTP and HTTPS. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { createBuildContext } from '../lab/tiny-image.ts';
import { describeWith } from '../requirements.ts';
import { IS_STANDALONE } from './compose-project.ts';

/** An engine takes 127.0.0.0/8 without asking for certificates: this one is of TEST-NET-2, and leads nowhere else. */
const SECOND_ADDRESS = '198.51.100.77';
const address = (how: 'replace' | 'delete') => ['ip', 'address', how, `${SECOND_ADDRESS}/32`, 'dev', 'lo'];

describeWith(['root', 'docker'], 'the registry, to Docker', () => {
  // An engine speaks http to loopback alone, unless its settings say more; and https where it trusts the authority.
  describe.each(['http', 'https'])('by %s', (scheme) => {
    const word = `word-of-${scheme}`;
    let folder: string;
    let place: DatastoreFolder;
    let datastore: LoopbackDatastore;
    /** Where the engine looks for the authority. */
    let trusted: string | undefined;
    let registry: string;
    const at = (name: string) => `${registry}/${name}`;
    const environment = () => ({ DOCKER_CONFIG: join(folder, 'docker') });
    const docker = (...args: readonly string[]) => mustRunProgram(['docker', ...args], environment());
    const forget = (...names: readonly string[]) =>
      runProgram(['docker', 'image', 'rm', '--force', ...names.map(at)], environment());

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-docker-'));
      place = await createDatastoreFolder();
      if (scheme === 'http') {
        datastore = await place.start();
        registry = `${ADDRESS}:${datastore.port}`;
      } else {
        await mustRunProgram(address('replace'));
        datastore = await place.start('--tls', 'authority', '--address', SECOND_ADDRESS);
        registry = `${SECOND_ADDRESS}:${datastore.tlsPort}`;
        trusted = join('/etc/docker/certs.d', registry);
        await mkdir(trusted, { recursive: true });
        await copyFile(join(place.state, 'tls/ca.pem'), join(trusted, 'ca.crt'));
      }
      const login = ['login', '--username', 'admin', '--password', WRITE_TOKEN, registry];
      expect(await docker(...login)).toContain('Login Succeeded');
    });
    afterAll(async () => {
      await forget('lab/app:1', 'lab/app:2');
      await place?.remove();
      if (trusted !== undefined) {
        await rm(trusted, { recursive: true });
        await mustRunProgram(address('delete'));
      }
      await rm(folder, { recursive: true, force: true });
    });

    test('an image is built, pushed, pulled and run', async () => {
      const context = await createBuildContext(join(folder, 'context'), word);
      await docker('build', '--tag', at('lab/app:1'), context);
      const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await docker('push', at('lab/app:1')))?.[1];
      await docker('tag', at('lab/app:1'), at('lab/app:2'));
      await docker('push', at('lab/app:2'));
      await forget('lab/app:1', 'lab/app:2');
      await docker('logout', registry);
      expect(await docker('pull', at('lab/app:1'))).toContain(pushed);
      expect(await docker('run', '--rm', '--network', 'none', at('lab/app:1'))).toBe(`${word}\n`);
      await docker('pull', at(`lab/app@${pushed}`));
    });

    test('Compose pulls and runs it', async () => {
      await forget('lab/app:1', 'lab/app:2');
      const file = join(folder, 'compose.yaml');
      const services = { app: { image: at('lab/app:2'), network_mode: 'none' } };
      await writeFile(file, JSON.stringify({ version: '2.4', services }));
      const program = IS_STANDALONE ? ['docker-compose'] : ['docker', 'compose'];
      const compose = (...args: readonly string[]) => {
        const project = ['--project-name', `registry-${scheme}`, '--file', file];
        return mustRunProgram([...program, ...project, ...args], environment());
      };
      try {
        expect(await compose('up', '--no-color')).toContain(word);
      } finally {
        await compose('down');
      }
    });

    test('nobody pushes without a login', async () => {
      const context = await createBuildContext(join(folder, 'denied'), word);
      await docker('build', '--tag', at('lab/app:1'), context);
      const { exitCode, stderr } = await runProgram(['docker', 'push', at('lab/app:1')], environment());
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/unauthorized|denied|authentication/i)]);
    });
  });
});
