// SPDX-License-Identifier: Apache-2.0
/** A client made of the agent's OpenAPI description, against the real program. */
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { datastoreOf, treeOf, uuidOf } from '../../eve-agent/src/reconcile/test-fixtures.ts';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { createOpenapiClient, type Transport } from '../lab/openapi-client.ts';
import { askSocket } from '../lab/socket-request.ts';

let agent: AgentFolder;
let call: ReturnType<typeof createOpenapiClient>;
beforeAll(async () => {
  agent = await createAgentFolder();
  const socketPath = join(agent.state, 'agent.sock');
  // Of a datastore where nobody listens.
  const datastore = datastoreOf(1, { fqdn: 'http://127.0.0.1:1' });
  await agent.configure({ datastores: [datastore], contentInfo: [treeOf(1)] });
  await agent.start();
  const transport: Transport = ({ method, path, headers, body }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Transport>>>();
    const asked = request({ socketPath, method, path, headers }, (answer) => {
      const [mediaType = ''] = (answer.headers['content-type'] ?? '').split(';');
      text(answer).then((all) => resolve({ status: answer.statusCode ?? 0, mediaType, text: all }), reject);
    });
    asked.once('error', reject).end(body);
    return promise;
  };
  call = createOpenapiClient((await askSocket(socketPath, '/openapi.json')) as OpenapiDocument, transport);
});
afterAll(() => agent?.remove());

it('reads and steers by operation ids alone', async () => {
  const parameters = { uuid: uuidOf(1) };
  expect(await call('getLivez')).toEqual({ status: 200, document: 'ok\n' });
  expect(await call('getStatus')).toMatchObject({
    document: { configuration: { state: 'applied' }, contentTrees: [{ ContentID: uuidOf(1) }] },
  });
  expect(await call('getContentTreesByUuid', { parameters })).toMatchObject({ document: { Hold: 'none' } });
  const pause = { ...parameters, action: 'pause' };
  expect(await call('postContentTreesByUuidByAction', { parameters: pause })).toMatchObject({
    ...{ status: 202, document: { Hold: 'paused' } },
  });
});

it('is told what went wrong as it is described', async () => {
  const parameters = { uuid: uuidOf(2) };
  expect(await call('getContentTreesByUuid', { parameters })).toMatchObject({
    ...{ status: 404, document: { detail: expect.stringContaining('no content tree') } },
  });
  expect(await call('putConfiguration', { body: {} })).toMatchObject({ status: 409 });
  expect(await call('getApps')).toMatchObject({ status: 404 });
});
