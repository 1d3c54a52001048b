// SPDX-License-Identifier: Apache-2.0
/** What the whole `eve-agent run` knows of failures, after it was killed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';

const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const contentOf = (name: string) => makeImage(20_000, name);
const treeOf = (number: number, name: string, more: object = {}) => ({
  uuid: uuidOf(number),
  dsIdsList: [DATASTORE],
  URL: name,
  iformat: 'RAW',
  sha256: sha256Of(contentOf(name)),
  maxSizeBytes: '20000',
  displayName: name,
  ...more,
});

describe('eve-agent run, killed and started again', () => {
  let agent: AgentFolder;
  let server: ImageServer;
  /** From this request on, counted from 1, `/wrong` gets no answer. */
  let silentFrom: number;
  beforeEach(async () => {
    silentFrom = Number.POSITIVE_INFINITY;
    agent = await createAgentFolder();
    server = await startImageServer((request, response) => {
      if (request.url === '/gone') response.writeHead(404).end();
      else if (request.url === '/busy') response.writeHead(503, { 'Retry-After': '3600' }).end();
      else if (request.url === '/deadly') void agent.end('SIGKILL');
      else if (request.url === '/wrong') {
        if (asked('/wrong') < silentFrom) serveImage(request, response, contentOf('another'));
      } else serveImage(request, response, contentOf((request.url ?? '').slice(1)));
    });
  });
  afterEach(async () => {
    await agent.remove();
    await server.stop();
  });

  const configure = (...trees: readonly object[]) =>
    agent.configure({
      datastores: [{ id: DATASTORE, dType: 'DsHttp', fqdn: server.url.origin }],
      contentInfo: trees,
    });
  const asked = (path: string) => server.requests.filter(({ url }) => url === path).length;
  const expectState = (number: number, expected: object) =>
    expect.poll(() => agent.statusOf(uuidOf(number))).toMatchObject(expected);
  /** Waits until the failures of that many contents are on the disk, and kills it. */
  async function killWhenKept(contents: number, fits: (text: string) => boolean = () => true) {
    const kept = async () => {
      const text = await readFile(join(agent.state, 'retries.json'), 'utf8').catch(() => '{}');
      const { contents = {} } = JSON.parse(text) as { contents?: Record<string, { sources: object }> };
      const failed = Object.values(contents).filter(({ sources }) => Object.keys(sources).length > 0);
      return fits(text) ? failed.length : 0;
    };
    await expect.poll(kept).toBe(contents);
    await agent.end('SIGKILL');
  }

  it('asks again for what was refused, but slowly, also over a restart', async () => {
    await configure(treeOf(1, 'gone'));
    await agent.start('--slow-retry-interval', '1');
    await expect.poll(() => asked('/gone')).toBeGreaterThanOrEqual(3);
    await agent.end('SIGKILL');
    const before = asked('/gone');
    await agent.start('--slow-retry-interval', '1');
    await expect.poll(() => asked('/gone')).toBeGreaterThan(before);
  });

  it('asks not at once for what was refused, unless somebody says so or the configuration changes', async () => {
    const [gone, busy] = [treeOf(1, 'gone'), treeOf(2, 'busy')];
    await configure(gone, busy);
    await agent.start('--retry-interval', '1');
    await expectState(1, { ErrorCode: 'HTTP_STATUS', RetryCount: 1, ErrorSeverity: 'SEVERITY_ERROR' });
    await expectState(2, { ErrorCode: 'HTTP_STATUS', RetryCount: 1, ErrorSeverity: 'SEVERITY_NOTICE' });
    const { ErrorTime } = await agent.statusOf(uuidOf(1));
    await killWhenKept(2);

    for (const number of [3, 4]) {
      // What is new is fetched, which tells that the others had their turn.
      await configure(gone, busy, treeOf(number, `new-${number}`));
      await agent.start('--retry-interval', '1');
      await expectState(number, { State: 'VERIFIED' });
      await expectState(1, {
        ...{ State: 'INITIAL', ErrorCode: 'HTTP_STATUS', RetryCount: 1, ErrorTime },
        ErrorRetryCondition: expect.stringMatching(/^tries again at \S+Z, or with "eve-agent retry"$/),
      });
      await expectState(2, { State: 'INITIAL', RetryCount: 1 });
      expect((await agent.statusOf(uuidOf(2))).ErrorRetryCondition).toContain('tries again at');
      expect([asked('/gone'), asked('/busy')]).toEqual([1, 1]);
      await agent.end('SIGKILL');
    }

    await agent.start();
    const retried = await agent.command('retry', uuidOf(1), '--state', agent.state);
    expect(retried).toMatchObject({ exitCode: 0, stderr: '' });
    await expectState(1, { RetryCount: 2 });
    expect(asked('/gone')).toBe(2);

    await agent.end('SIGKILL');
    await configure({ ...gone, maxSizeBytes: '20001' }, busy);
    await agent.start();
    await expect.poll(() => asked('/gone')).toBe(3);
    expect(asked('/busy')).toBe(1);
  });

  it('asks a source slowly after five wrong digests in all, over a restart', async () => {
    await configure(treeOf(1, 'wrong'));
    silentFrom = 3;
    await agent.start('--retry-interval', '1', '--stall-timeout', '300');
    await expect.poll(() => asked('/wrong')).toBe(3);
    await killWhenKept(1, (text) => text.includes('"mismatches": 2'));
    silentFrom = Number.POSITIVE_INFINITY;
    await agent.start('--retry-interval', '1');
    await expectState(1, { ErrorCode: 'DIGEST_MISMATCH', ErrorSeverity: 'SEVERITY_ERROR' });
    // The try that was under way when it was killed was never counted.
    expect(asked('/wrong')).toBe(3 + 3);
    expect((await agent.statusOf(uuidOf(1))).RetryCount).toBe(5);
  });

  it('lets others go first where one file ends the whole program each time', async () => {
    await configure(treeOf(1, 'deadly'), treeOf(2, 'good-2'), treeOf(3, 'good-3'));
    await agent.start('--max-downloads', '1');
    await expect.poll(() => asked('/deadly')).toBe(1);
    await agent.end('SIGKILL');
    await agent.start('--max-downloads', '1');
    await expect.poll(() => asked('/deadly')).toBe(2);
    await agent.end('SIGKILL');
    const paths = server.requests.map(({ url }) => url);
    expect(paths).toEqual(['/deadly', '/good-2', '/good-3', '/deadly']);
    // Killed again, maybe while the last of them was being verified: all of it is here.
    await configure(treeOf(2, 'good-2'), treeOf(3, 'good-3'));
    await agent.start();
    for (const number of [2, 3]) await expectState(number, { State: 'VERIFIED' });
    expect([asked('/good-2'), asked('/good-3')]).toEqual([1, 1]);
    await agent.end('SIGKILL');
  });

  it('starts without what it knew where the file cannot be read', async () => {
    await configure(treeOf(1, 'gone'));
    await agent.start();
    await killWhenKept(1);
    await writeFile(join(agent.state, 'retries.json'), '{"version": 1, "contents": [');
    await agent.start();
    await expect.poll(() => asked('/gone')).toBe(2);
    await expectState(1, { ErrorCode: 'HTTP_STATUS', RetryCount: 1 });
  });
});
