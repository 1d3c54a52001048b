// SPDX-License-Identifier: Apache-2.0
/** The whole `eve-agent run` with its API on TCP, and the commands that ask it there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../lab/authorities.ts';
import { type AgentFolder, createAgentFolder, findFreePort } from '../lab/loopback-agent.ts';
import { eveAgent } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';
import { readJsonLines } from './json-lines.ts';

const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const HERE = '00000000-0000-4000-8000-000000000001';
const GONE = '00000000-0000-4000-8000-000000000002';
const image = makeImage(40_000);

describeWith(['openssl'], 'eve-agent run with its API on TCP', () => {
  let agent: AgentFolder;
  let server: ImageServer;
  let isMissing = true;
  let api: string;
  let port: number;
  let clients: Authority;
  let agents: Authority;
  let client: KeyPair;
  let stranger: KeyPair;
  let agentCertificate: string;
  /** The options by which the API is offered. */
  let offered: string[];

  const clientOptions = (pair: KeyPair, url = api) => [
    ...['--api', url, '--server-ca', agents.certificate],
    ...['--client-certificate', pair.certificate, '--client-key', pair.key],
  ];
  const statusByApi = (...args: readonly string[]) => agent.command('status', '--json', ...args);

  beforeAll(async () => {
    agent = await createAgentFolder();
    clients = await createAuthority(agent.folder, 'clients');
    agents = await createAuthority(agent.folder, 'agents');
    client = await clients.issue('client', 'DNS:client');
    stranger = await (await createAuthority(agent.folder, 'strangers')).issue('stranger', 'DNS:stranger');
    const own = await agents.issue('agent', 'IP:127.0.0.1');
    agentCertificate = own.certificate;
    server = await startImageServer((request, response) => {
      if (request.url === '/gone.img' && isMissing) response.writeHead(404).end();
      else serveImage(request, response, image);
    });
    const tree = (uuid: string, name: string) => ({
      ...{ uuid, displayName: name, URL: `${name}.img`, iformat: 'RAW', dsIdsList: [DATASTORE] },
      ...{ maxSizeBytes: String(image.length), sha256: sha256Of(image) },
    });
    await agent.configure({
      datastores: [{ id: DATASTORE, dType: 'DsHttp', fqdn: server.url.origin }],
      contentInfo: [tree(HERE, 'here'), { ...tree(GONE, 'gone'), sha256: 'ab'.repeat(32) }],
    });
    port = await findFreePort();
    api = `https://127.0.0.1:${port}`;
    const tls = ['--tls-certificate', own.certificate, '--tls-key', own.key];
    offered = ['--listen', `127.0.0.1:${port}`, ...tls, '--client-ca', clients.certificate];
    await agent.start(...offered);
  });
  afterAll(async () => {
    await agent?.remove();
    await server?.stop();
  });

  /** A client of its own. */
  async function ask(
    pair: KeyPair | null,
    path: string,
    asked: Pick<RequestOptions, 'method' | 'headers'> = {},
  ) {
    const shown =
      pair === null ? {} : { cert: await readFile(pair.certificate), key: await readFile(pair.key) };
    const ca = await readFile(agents.certificate);
    const request = httpsRequest({ host: '127.0.0.1', port, path, agent: false, ca, ...shown, ...asked });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  }
  const get = async (pair: KeyPair | null) => (await ask(pair, '/livez')).status;

  it('wants the certificate of a client, of the right authority', async () => {
    expect(await get(client)).toBe(200);
    await expect(get(null)).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|ALERT_CERTIFICATE/),
    });
    await expect(get(stranger)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|ALERT_/) });
  });

  it('shows no page unless it is told to, and says how', async () => {
    expect(await ask(client, '/')).toMatchObject({ status: 404, body: expect.stringContaining('--page') });
  });

  it.each([
    ['an origin', { origin: 'https://elsewhere.example' }],
    ['the kind of its site', { 'sec-fetch-site': 'cross-site' }],
  ])(
    'takes no wish of a foreign page, which a browser carries with the certificate, by %s',
    async (_by, headers) => {
      const retry = `/v1/content-trees/${HERE}/retry`;
      expect(await ask(client, retry, { method: 'POST', headers })).toMatchObject({
        status: 403,
        body: expect.stringContaining('ORIGIN_FOREIGN'),
      });
      const own = { method: 'POST', headers: { origin: api } };
      expect((await ask(client, retry, own)).status).not.toBe(403);
    },
  );

  it('tells status, also by options from a file', async () => {
    const trees = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await statusByApi(...args);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      return (JSON.parse(stdout) as { contentTrees: { State: string; ErrorCode: string }[] }).contentTrees;
    };
    await expect
      .poll(() => trees(...clientOptions(client)))
      .toMatchObject([{ State: 'VERIFIED' }, { State: 'INITIAL', ErrorCode: 'HTTP_STATUS' }]);
    const table = await agent.command('status', ...clientOptions(client));
    expect(table.stdout).toMatch(/here +VERIFIED/);

    // The certificate itself may be what is trusted.
    expect(await trees(...clientOptions(client), '--server-ca', agentCertificate)).toHaveLength(2);

    const settings = join(agent.folder, 'client.yaml');
    const lines = clientOptions(client).map((text) =>
      text.startsWith('--') ? `${text.slice(2)}: ` : `${text}\n`,
    );
    await writeFile(settings, lines.join(''));
    expect(await trees('--config', settings)).toHaveLength(2);
  });

  it('does what watch and logs ask for', async () => {
    const [program = '', ...rest] = eveAgent('watch', '--json', ...clientOptions(client));
    const watch = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const events = readJsonLines<{ event: string; data: { ContentID?: string } }>(watch);
    await events.waitFor('a content tree', ({ data }) => data.ContentID === HERE);
    const ended = once(watch, 'exit');
    watch.kill('SIGINT');
    expect((await ended)[0]).toBe(130);
    const logs = await agent.command('logs', HERE, '--json', ...clientOptions(client));
    expect(logs.stdout).toContain('"message":"verified"');
  });

  it('closes a connection that shows no certificate, long before two minutes', async () => {
    const idle = connect(port, '127.0.0.1');
    idle.on('error', () => {});
    await once(idle.resume(), 'close');
  });

  it('is started again where its address comes later, as systemd does after 1, not after 2', async () => {
    const tls = ['--tls-certificate', client.certificate, '--tls-key', client.key];
    const listen = ['--listen', '192.0.2.1:8443', ...tls, '--client-ca', clients.certificate];
    const state = join(agent.folder, 'other-state');
    const [program = '', ...rest] = eveAgent('run', '--state', state, ...listen);
    const service = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    const [told, ended] = [text(service.stderr), once(service, 'exit')];
    expect((await ended)[0]).toBe(1);
    expect(await told).toMatch(/^eve-agent: cannot listen on 192\.0\.2\.1:8443: .*\n$/);
  });

  it('tries again at once what a client asks for, and pauses', async () => {
    const asked = () => server.requests.filter(({ url }) => url === '/gone.img').length;
    await expect.poll(asked).toBe(1);
    const retry = () => agent.command('retry', GONE, ...clientOptions(client));
    expect(await retry()).toMatchObject({ exitCode: 0, stderr: '' });
    await expect.poll(asked).toBe(2);
    // Bytes come now; they are not those of its digest.
    isMissing = false;
    expect(await retry()).toMatchObject({ exitCode: 0 });
    await expect.poll(() => agent.statusOf(GONE)).toMatchObject({ ErrorCode: 'DIGEST_MISMATCH' });
    const pause = await agent.command('pause', GONE, ...clientOptions(client));
    expect(pause.stdout).toContain('paused');
  });

  describe('a client', () => {
    const refused = async (args: readonly string[], ...words: readonly string[]) => {
      const { exitCode, stderr, stdout } = await statusByApi(...args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      const { message } = (JSON.parse(stderr) as { error: { message: string } }).error;
      for (const word of words) expect(message).toContain(word);
    };
    let strangeKey: string;
    beforeEach(async () => {
      strangeKey = await readFile(stranger.key, 'utf8');
    });

    it('with the certificate of another authority is told that it is refused', () =>
      refused(clientOptions(stranger), '127.0.0.1', 'refuse', 'client certificate', '--client-ca'));

    it('that does not trust the agent is told which option says whom it trusts', () =>
      refused(
        [...clientOptions(client), '--server-ca', clients.certificate],
        'not of an authority that is trusted',
        '--server-ca',
      ));

    it('that uses another name than the certificate has is told so', () =>
      refused(clientOptions(client, `https://localhost:${port}`), 'is for another name', '--api'));

    it('that finds nobody is told where it looked', async () => {
      const nobody = await findFreePort();
      await refused(
        clientOptions(client, `https://127.0.0.1:${nobody}`),
        `no agent listens on 127.0.0.1:${nobody}`,
      );
    });

    it('is told what is missing of its options', async () => {
      await refused(['--api', api], '--client-certificate is missing');
      await refused(['--api', api, '--client-certificate', client.certificate], '--client-key is missing');
      await refused(['--client-key', client.key], '--client-key is for --api');
      await refused([...clientOptions(client), '--socket', '/run/agent.sock'], 'give one of them');
    });

    it('is told which file cannot be used, and never what stands in it', async () => {
      const nothing = join(agent.folder, 'nothing.pem');
      await refused([...clientOptions(client), '--client-key', nothing], '--client-key', nothing, 'ENOENT');
      await refused([...clientOptions(client), '--client-key', stranger.key], 'is not the key of');
      await refused(
        [...clientOptions(client), '--server-ca', client.key],
        '--server-ca',
        'holds no PEM certificate',
      );
      const torn = join(agent.folder, 'torn.key');
      await writeFile(torn, strangeKey.slice(0, -40));
      const args = [...clientOptions(client), '--client-key', torn];
      await refused(args, torn, 'holds no PEM private key');
      expect((await statusByApi(...args)).stderr).not.toContain(strangeKey.split('\n')[1]);
    });

    it.each(['http://127.0.0.1:1', 'https://127.0.0.1/v1', '127.0.0.1:8443'])(
      'cannot ask %s',
      async (url) => {
        await refused(clientOptions(client, url), 'https://HOST:PORT expected');
      },
    );

    it('that puts a password into the URL does not find it in the message', async () => {
      const args = clientOptions(client, `https://me:hidden@127.0.0.1:${port}`);
      await refused(args, 'no user name or password');
      expect((await statusByApi(...args)).stderr).not.toContain('hidden');
    });
  });

  it('tells who watches that it has ended', async () => {
    const [program = '', ...rest] = eveAgent('watch', '--json', ...clientOptions(client));
    const watch = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [told, ended] = [text(watch.stderr), once(watch, 'exit')];
    await readJsonLines<{ event: string }>(watch).waitFor(
      'an event',
      ({ event }) => event === 'content-tree',
    );
    await agent.end('SIGKILL');
    expect((await ended)[0]).toBe(2);
    expect(JSON.parse(await told)).toMatchObject({
      error: { code: 'AGENT_UNREACHABLE', message: expect.stringContaining('ended the connection') },
    });
  });

  it('shows its page, with all that belongs to it, to whoever shows a certificate', async () => {
    await agent.start(...offered, '--page');
    const { status, headers, body } = await ask(client, '/');
    expect([status, headers['content-security-policy']]).toEqual([200, expect.stringContaining("'none'")]);
    const parts = [...body.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(parts.map((path) => path.replace(/-[0-9a-f]+/, '')).sort()).toEqual([
      '/page/icon.svg',
      '/page/main.js',
      '/page/page.css',
    ]);
    for (const path of parts) expect((await ask(client, path)).status).toBe(200);
    expect((await ask(client, '/manual/install.html')).body).toContain('manual of eve-agent');
    for (const path of ['/', '/manual/']) await expect(ask(null, path)).rejects.toThrow();
  });

  it('keeps keys out of its log', async () => {
    for (const { key } of [client, stranger]) {
      const [, secret = ''] = (await readFile(key, 'utf8')).split('\n');
      expect(agent.log()).not.toContain(secret);
    }
  });
});
