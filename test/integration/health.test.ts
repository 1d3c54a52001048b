// SPDX-License-Identifier: Apache-2.0
/** `datastore-app health`, on the real program, against what may answer where the settings say. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';

/** Of loopback, and no other program's. */
const ADDRESS = '127.0.0.9';

let place: DatastoreFolder;
beforeAll(async () => {
  place = await createDatastoreFolder();
});
afterAll(() => place.remove());

it('asks where each of the settings says that the datastore listens', async () => {
  const { port, stop } = await place.start('--address', ADDRESS);
  const settings = join(place.folder, 'settings.yaml');
  await writeFile(settings, `address: ${ADDRESS}\nport: ${port}\n`);
  const ready = { exitCode: 0, stdout: 'ready\n', stderr: '' };
  expect(await place.runPlain('health', '--address', ADDRESS, '--port', `${port}`)).toMatchObject(ready);
  expect(await place.runPlain('health', '--config', settings)).toMatchObject(ready);
  const variables = { DATASTORE_ADDRESS: ADDRESS, DATASTORE_PORT: `${port}` };
  const { exitCode, stdout } = await place.runPlainWith(variables, 'health', '--json');
  expect([exitCode, readDatastoreJson(['health'], stdout)]).toEqual([
    0,
    { url: `http://${ADDRESS}:${port}`, isReady: true, reasons: [], warnings: [] },
  ]);
  // It does not listen on loopback's own address.
  expect(await place.runPlain('health', '--port', `${port}`)).toMatchObject({
    exitCode: 3,
    stdout: '',
    stderr: expect.stringContaining(`no datastore answers at http://127.0.0.1:${port}: `),
  });
  // Commands that change it find it there, too.
  const list = ['registry', 'list', '--state', place.state];
  expect(await place.runPlainWith(variables, ...list)).toMatchObject({ exitCode: 0 });
  await stop();
});

it('refuses a port that says nothing', async () => {
  expect(await place.runPlain('health', '--port', '0')).toMatchObject({
    exitCode: 2,
    stderr: 'datastore-app: --port 0 is any: say on which one it listens\n',
  });
});

it.each([
  [
    'is not ready',
    503,
    JSON.stringify({ status: 503, detail: 'No.', reasons: ['The disk is full.', 'The name is taken.'] }),
    'is not ready: The disk is full. The name is taken.',
  ],
  ['answers what a datastore does not', 200, '<html></html>', 'answers something else than a datastore does'],
])('ends with 4 where it %s', async (_, status, body, told) => {
  const server = createServer((_request, response) => void response.writeHead(status).end(body));
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    expect(await place.runPlain('health', '--address', ADDRESS, '--port', `${port}`)).toMatchObject({
      exitCode: 4,
      stdout: '',
      stderr: expect.stringContaining(told),
    });
  } finally {
    server.close();
  }
});
