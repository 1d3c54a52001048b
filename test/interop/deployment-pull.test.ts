// SPDX-License-Identifier: Apache-2.0
/** A deployment whose image comes from a datastore on the bridge, found by multicast DNS, with no other network. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDeploymentHost, type DeploymentHost, WEB_PORT } from '../lab/deployments/deployment-host.ts';
import { ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const WRITE_TOKEN = 'the-write-token-of-this-test';

function pullsDeployments(kind: EngineKind): void {
  let host: DeploymentHost;
  let datastore: RunningDatastore;
  let push: (word: string) => Promise<void>;
  const post = async (path: string) => {
    const { status, body } = await host.curl(
      host.client('ci'),
      `/v1/deployments/web${path}`,
      '--request',
      'POST',
    );
    return { status, ...(JSON.parse(body) as Record<string, unknown>) };
  };

  const configure = (...args: readonly string[]) =>
    host.configure({
      deployments: [
        {
          ...{ name: 'web', args: ['-p', `${WEB_PORT}:80`, ...args], settle: '300ms' },
          ...{ health: { kind: 'http', port: 80 }, image: 'docker://ds.local/lab/web:v1' },
        },
      ],
    });

  beforeAll(async () => {
    host = await createDeploymentHost(['ci'], kind);
    const app = await host.lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
    await writeFile(host.at('token'), WRITE_TOKEN);
    datastore = await startDatastore(app, [
      ...['--root', host.at('root'), '--state', host.at('datastore'), '--host-name', 'ds', '--reserve', '0'],
      ...['--write-token-file', host.at('token')],
    ]);
    push = async (word) => {
      const to = `docker://127.0.0.1:80/lab/web:${word}`;
      const credential = ['--dest-creds', `admin:${WRITE_TOKEN}`, '--dest-tls-verify=false'];
      await app.mustRun(['skopeo', 'copy', ...credential, `docker-archive:${await host.archive(word)}`, to]);
    };
    await push('v1');
    await push('v2');
    await configure();
    await host.startAgent();
  });
  afterAll(async () => {
    await datastore?.stop();
    await host?.stop();
  });

  it('has the image of its configuration, or of the request', async () => {
    expect(await post('/pull')).toMatchObject({ status: 200, operation: 'pull', state: 'running' });
    expect(await host.ask()).toBe('v1');
    expect(await post('/pull?image=docker://ds.local/lab/web:v2')).toMatchObject({
      status: 200,
      generation: 2,
    });
    expect(await host.ask()).toBe('v2');
  });

  it('stays as it is where there is no such image, and where nobody answers', async () => {
    expect(await post('/pull?image=docker://ds.local/lab/web:none')).toMatchObject({
      ...{ status: 422, code: 'IMAGE_NOT_FOUND' },
    });
    await datastore.stop();
    expect(await post('/pull?image=docker://ds.local/lab/web:v1')).toMatchObject({
      ...{ status: 502, code: 'DATASTORE_NOT_FOUND' },
    });
    expect(await host.ask()).toBe('v2');
    expect(await post('/rollback')).toMatchObject({ status: 200 });
    expect(await host.ask()).toBe('v1');
  });

  it('has other arguments by a restart, with the image that is there', async () => {
    await configure('-e', 'ANSWER=return 200 other;');
    expect(await post('/restart')).toMatchObject({ status: 200, generation: 3, applied: ['args'] });
    expect(await host.ask()).toBe('other');
    await configure('--entrypoint', '/none');
    expect(await post('/restart')).toMatchObject({ status: 422, serving: expect.stringMatching(/^ed_web:/) });
    expect(await host.ask()).toBe('other');
    expect(await post('/rollback')).toMatchObject({ status: 200, generation: 1 });
    expect(await host.ask()).toBe('v1');
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx', 'skopeo'],
    `a deployment that is pulled, on ${kind.title}`,
    () => pullsDeployments(kind),
  );
}
