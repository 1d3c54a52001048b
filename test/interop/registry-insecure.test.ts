// SPDX-License-Identifier: Apache-2.0
/**
 * Docker's engine takes a registry over plain HTTP for exactly the name and port that stand in its settings, by the line
 * that the page prints. Reported of others (moby #33564, distribution #1874 and #2061): a line for another port, or
 * without one, leads to HTTPS, where there is nothing, or another program.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientConfigurations } from '../../datastore-app/src/web/page/containers/client-config.ts';
import { createAuthority } from '../lab/authorities.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const WRITE_TOKEN = 'the-write-token-of-this-test';
const ADDRESS = '10.1.0.5';

describeWith(['lab', 'root', 'dockerd', 'skopeo', 'openssl'], 'Docker, of plain HTTP', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let made: ImageLayout;
  let image: MadeImage;
  let engines = 0;

  async function serve(port: number): Promise<void> {
    const storage = ['--root', join(folder, `root-${port}`), '--state', join(folder, `state-${port}`)];
    const options = ['--host-name', `ds-${port}`, '--port', String(port), '--reserve', '0'];
    await startDatastore(app, [...storage, ...options, '--write-token-file', join(folder, 'token')]);
    const to = `docker://127.0.0.1:${port}/lab/app:1`;
    const credential = ['--dest-creds', `admin:${WRITE_TOKEN}`, '--dest-tls-verify=false'];
    await app.mustRun(['skopeo', 'copy', '--preserve-digests', ...credential, `oci:${made.folder}:1`, to]);
  }
  /** An engine whose settings are the page's lines for whoever asks for it by a name and port. */
  async function startEngine(host: string): Promise<RunningEngine> {
    engines += 1;
    const place = join(folder, `docker-${engines}`);
    await mkdir(place);
    const lines = clientConfigurations({ protocol: 'http:', host }, false).find(
      ({ client }) => client === 'Docker',
    );
    await writeFile(join(place, 'daemon.json'), lines?.text ?? '');
    return startDockerEngine(lab.host, place, '--config-file', join(place, 'daemon.json'));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-insecure-'));
    await writeFile(join(folder, 'token'), WRITE_TOKEN);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'app', bridge: 'bn1', address: `${ADDRESS}/24` });
    made = await createImageLayout(join(folder, 'made'));
    image = await made.addImage({ layers: [randomBytes(1000)] }, '1');
    await serve(80);
    await serve(8080);
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    [ADDRESS, `${ADDRESS}:8080`],
    [`${ADDRESS}:8080`, ADDRESS],
  ])('the line for %s is for it, and not for %s', async (host, other) => {
    const engine = await startEngine(host);
    try {
      expect(await engine.docker('pull', `${host}/lab/app:1`)).toContain(image.manifest.digest);
      const refused = await engine.run('pull', `${other}/lab/app:1`);
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringMatching(/https|HTTPS|443/)]);
    } finally {
      await engine.stop();
    }
  });

  test('another program at port 443 is in the way of a name without a port, and of no other', async () => {
    const authority = await createAuthority(folder, 'another');
    const { certificate, key } = await authority.issue('another', `IP:${ADDRESS}`);
    const program = `
      const identity = { cert: fs.readFileSync('${certificate}'), key: fs.readFileSync('${key}') };
      const server = https.createServer(identity, (_, response) => response.writeHead(404).end('another'));
      server.listen(443, () => console.log('listening'));`;
    const another = app.start([process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (another.stdout === null) throw new Error('no output');
    await once(another.stdout, 'data');
    const host = `${ADDRESS}:80`;
    const engine = await startEngine(host);
    try {
      expect(await engine.docker('pull', `${host}/lab/app:1`)).toContain(image.manifest.digest);
      const refused = await engine.run('pull', `${ADDRESS}/lab/app:1`);
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('Error response')]);
    } finally {
      await engine.stop();
      another.kill('SIGKILL');
    }
  });
});
