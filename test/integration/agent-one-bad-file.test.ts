// SPDX-License-Identifier: Apache-2.0
/** What one file that gets no proper answer does to the others of its datastore, with the whole `eve-agent run`. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentFolder, createAgentFolder, findFreePort } from '../lab/loopback-agent.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';

const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const contentOf = (name: string) => makeImage(20_000, name);
const treeOf = (number: number, name: string) => ({
  uuid: uuidOf(number),
  dsIdsList: [DATASTORE],
  URL: name,
  iformat: 'RAW',
  sha256: sha256Of(contentOf(name)),
  maxSizeBytes: '20000',
  displayName: name,
});

const raw = (text: string) => (response: ServerResponse) => {
  response.socket?.end(text);
};
let deadPort: number;
/** What comes in place of an answer. */
const BAD_ANSWERS: readonly (readonly [what: string, answer: (response: ServerResponse) => unknown])[] = [
  ['the connection closed without a response', (response) => response.socket?.destroy()],
  ['the connection ended in order, without a response', raw('')],
  ['the connection reset', (response) => response.socket?.resetAndDestroy()],
  ['the connection closed in mid head', raw('HTTP/1.1 200 OK\r\nContent-Le')],
  ['a head that is none', raw('what?\r\n\r\n')],
  ['a head with two lengths', raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello')],
  ['a status that is none', raw('HTTP/1.1 99999 OK\r\n\r\n')],
  ['no byte at all', () => {}],
  ['half a head, and nothing more', (response) => response.socket?.write('HTTP/1.1 200 OK\r\nContent-Le')],
  [
    'a head, and nothing more',
    (response) => response.writeHead(200, { 'Content-Length': 20_000 }).flushHeaders(),
  ],
  ['an interim response alone', (response) => response.writeProcessing()],
  ['500', (response) => response.writeHead(500).end()],
  ['503', (response) => response.writeHead(503).end()],
  ['404', (response) => response.writeHead(404).end()],
  [
    'a redirect to where nobody listens',
    (response) => response.writeHead(302, { Location: `http://127.0.0.1:${deadPort}/` }).end(),
  ],
  ['a redirect that is refused', (response) => response.writeHead(302, { Location: 'ftp://x/' }).end()],
];

describe.each(BAD_ANSWERS)('a file that gets %s', (_, answerBadly) => {
  let agent: AgentFolder;
  let server: ImageServer;
  beforeEach(async () => {
    agent = await createAgentFolder();
    deadPort = await findFreePort();
    server = await startImageServer((request, response) => {
      if (request.url === '/bad') answerBadly(response);
      else serveImage(request, response, contentOf((request.url ?? '').slice(1)));
    });
  });
  afterEach(async () => {
    await agent.remove();
    await server.stop();
  });

  it('holds up no other, and no other shows its error', async () => {
    const others = [2, 3, 4].map((number) => treeOf(number, `good-${number}`));
    await agent.configure({
      datastores: [{ id: DATASTORE, dType: 'DsHttp', fqdn: server.url.origin }],
      contentInfo: [treeOf(1, 'bad'), ...others],
    });
    // One slot, which the bad file, the first of the configuration, would take again and again.
    await agent.start('--max-downloads', '1', '--retry-interval', '1', '--stall-timeout', '5');
    const verified = { State: 'VERIFIED', Error: '' };
    for (const number of [2, 3, 4]) {
      await expect.poll(() => agent.statusOf(uuidOf(number))).toMatchObject(verified);
    }
    await expect
      .poll(() => agent.statusOf(uuidOf(1)))
      .toMatchObject({ State: 'INITIAL', Error: expect.stringMatching(/./) });
    const order = server.requests.map(({ url }) => url);
    // Each of them had its turn before the bad file had its third.
    expect(order.filter((url, i) => url === '/bad' && i < order.indexOf('/good-4')).length).toBeLessThan(3);
  });
});
