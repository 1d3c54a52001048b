// SPDX-License-Identifier: Apache-2.0
/** What the agent's memory is for the largest configurations that it takes, and for those that it refuses. */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const DATASTORE = '00000000-0000-4000-9000-000000000001';

/** As many items as fit between head and tail. */
function fill(head: string, item: (i: number) => string, tail: string): string {
  const parts: string[] = [];
  for (let sizeBytes = head.length + tail.length; ; ) {
    const next = item(parts.length);
    sizeBytes += next.length + 1;
    if (sizeBytes > MAX_BYTES) return `${head}${parts.join(',')}${tail}`;
    parts.push(next);
  }
}

const tree = (i: number) =>
  JSON.stringify({
    uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    dsIdsList: [DATASTORE],
    URL: `images/${i}.img`,
    sha256: String(i).padStart(64, '0'),
    maxSizeBytes: '1000000',
    // So that no more than are taken fit.
    displayName: 'n'.repeat(600),
  });
const datastore = JSON.stringify({ id: DATASTORE, dType: 1, fqdn: 'http://127.0.0.1:1' });

let agent: AgentFolder;
beforeAll(async () => {
  agent = await createAgentFolder();
  // A folder without fragments: what is put counts.
  await mkdir(join(agent.folder, 'device.json'));
  await agent.start();
});
afterAll(() => agent?.remove());

async function put(body: string) {
  const path = { socketPath: join(agent.state, 'agent.sock'), path: '/v1/configuration' };
  const headers = { 'content-length': Buffer.byteLength(body) };
  // A connection of its own: one that was kept may have been ended while the body was made, which takes seconds.
  const sent = request({ ...path, agent: false, method: 'PUT', headers });
  sent.end(body);
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode as number;
}

it.each<[string, () => string, number]>([
  ['objects of nothing', () => fill('{"contentInfo":[],"x":[', () => '{}', ']}'), 400],
  [
    'objects of all kinds',
    () => fill('{"contentInfo":[],"x":[', (i) => `{"${i.toString(36)}":1}`, ']}'),
    400,
  ],
  ['keys', () => fill('{"contentInfo":[]', (i) => `"${i.toString(36)}":1`, '}').replace(']"', '],"'), 400],
  ['lists in lists', () => '['.repeat(MAX_BYTES - 1), 400],
  ['one text', () => `{"contentInfo":[],"x":"${'\\n'.repeat(MAX_BYTES / 2 - 20)}"}`, 200],
  ['trees', () => fill(`{"datastores":[${datastore}],"contentInfo":[`, tree, ']}'), 200],
  [
    'trees in other trees’ places',
    () => fill(`{"datastores":[${datastore}],"contentInfo":[`, (i) => tree(i + 1), ']}'),
    200,
  ],
])('8 MiB of %s do not take half a gigabyte', async (_name, make, code) => {
  expect(await put(make())).toBe(code);
});
