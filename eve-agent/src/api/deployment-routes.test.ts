// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createScriptedDeployments,
  type ScriptedDeployments,
} from '../launch/deployments/testing/scripted-deployments.ts';
import { createAgentClient } from './client.ts';
import { createDeploymentRoutes } from './deployment-routes.ts';
import { listen } from './listen.ts';
import { askForLines, type LinesRequest } from './operation-client.ts';
import { createRouter } from './router.ts';
import { withDescription } from './routes.ts';

const HEALTH = { kind: 'http', port: 80 };
const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
const { signal } = new AbortController();

let folder: string;
let path: string;
let scripted: ScriptedDeployments;
let close: () => Promise<void>;
const offer = async (isGiven = true) => {
  const deployments = isGiven ? scripted.deployments : null;
  const routes = createDeploymentRoutes({ deployments, clock: systemClock, log: silentLog });
  const deps = { clock: systemClock, wallMs: Date.now, log: silentLog };
  const listener = createRouter(withDescription(routes, '1.2.3'), silentLog);
  close = await listen({ kind: 'unix', path }, listener, NO_TLS, deps, { takesImages: true });
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deployment-routes-'));
  path = join(folder, 'agent.sock');
  scripted = createScriptedDeployments(folder, {
    deployments: [{ name: 'web', health: HEALTH }, { name: 'db' }],
  });
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

const client = () => createAgentClient({ kind: 'unix', path });
async function lines(wanted: LinesRequest): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = [];
  for await (const line of askForLines({ kind: 'unix', path }, wanted, signal)) {
    all.push(line as Record<string, unknown>);
  }
  return all;
}
const load = (name: string, body: Readable) =>
  lines({ method: 'POST', path: `/v1/deployments/${name}/load`, body });

describe('a load', () => {
  beforeEach(() => offer());

  it('is told line by line, also how it fails', async () => {
    const done = await load('web', Readable.from([Buffer.from('v'), Buffer.from('1')]));
    expect(done[0]).toEqual({ event: 'begun', operation: 'load', deployment: 'web' });
    expect(done.at(-1)).toMatchObject({ event: 'done', image: 'ed_web:v1', generation: 1 });
    const failed = await load('web', Readable.from([Buffer.from('crash')]));
    expect(failed.at(-1)).toMatchObject({
      ...{ event: 'failed', status: 422, code: 'EXITED', serving: 'ed_web:v1' },
      logs: expect.arrayContaining(['cannot find config']),
    });
  });

  it('of what is not there reads nothing of the archive', async () => {
    let isRead = false;
    const body = Readable.from(
      (function* () {
        isRead = true;
        yield Buffer.from('v1');
      })(),
    );
    await expect(load('nothing', body)).rejects.toMatchObject({
      ...{ code: 'AGENT_REFUSED', message: expect.stringContaining('there is no deployment nothing') },
    });
    expect(isRead).toBe(false);
  });

  it('whose sender fails is given up', async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('v1');
        throw new Error('the disk is gone');
      })(),
    );
    await expect(load('web', body)).rejects.toThrow();
    const show = async () =>
      (await client().ask('GET', '/v1/deployments/web', signal)) as { operation: unknown };
    await expect.poll(async () => (await show()).operation).toBeNull();
    expect(scripted.host.serving()).toBeNull();
  });
});

it('documents are answered to who asks for no lines', async () => {
  await offer();
  await load('web', Readable.from([Buffer.from('v1')]));
  const ask = (method: 'GET' | 'POST', at: string) => client().ask(method, `/v1/deployments${at}`, signal);
  expect(await ask('GET', '')).toMatchObject([{ name: 'web', state: 'running' }, { name: 'db' }]);
  expect(await ask('POST', '/web/stop')).toMatchObject({ operation: 'stop', state: 'stopped' });
  expect(await ask('GET', '/web/history?count=1')).toMatchObject([{ operation: 'stop', outcome: 'done' }]);
  await expect(ask('POST', '/db/stop')).rejects.toMatchObject({ details: { statusCode: 409 } });
  await expect(ask('GET', '/web/logs?tail=-1')).rejects.toMatchObject({ details: { statusCode: 400 } });
  await expect(ask('GET', '/web/stop')).rejects.toMatchObject({ details: { statusCode: 405 } });
  expect(await client().ask('GET', '/v1/deployment-configuration', signal)).toMatchObject({ problem: null });
});

it('an agent without deployments says how it gets some', async () => {
  await offer(false);
  const asked = client().ask('GET', '/v1/deployments', signal);
  await expect(asked).rejects.toThrow(/start it with --deployments/);
});

it('is described', async () => {
  await offer();
  const { paths } = (await client().ask('GET', '/openapi.json', signal)) as OpenapiDocument;
  for (const operation of ['load', 'pull', 'start', 'stop', 'restart', 'rollback', 'prune']) {
    expect(paths[`/v1/deployments/{name}/${operation}`]).toHaveProperty('post');
  }
  expect(paths['/v1/{name}/load']).toHaveProperty('put');
  expect(paths['/v1/deployments/{name}']).toMatchObject({ get: {}, delete: {} });
});
