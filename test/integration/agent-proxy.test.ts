// SPDX-License-Identifier: Apache-2.0
/** The whole `eve-agent run` behind an HTTP proxy, and with the certificates that a datastore is given. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../lab/authorities.ts';
import { type HttpProxy, startHttpProxy } from '../lab/http-proxy.ts';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { describeWith } from '../requirements.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';

const PLAIN = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const SECURE = '0c0f3d0e-9d5c-4f5e-9d3b-2b6f3a7f1f11';
const ADDRESS = '3f6d8a54-1d0c-4a3e-8f55-6d1b0c8e9a22';
const SECRET = 'hidden-secret';
const image = makeImage(3 * 1024 * 1024 + 7);
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
/** Each its own content, so that each is fetched. */
const contentOf = (number: number) => Buffer.concat([image, Buffer.from(String(number))]);
const treeOf = (number: number, datastore: string) => ({
  uuid: uuidOf(number),
  dsIdsList: [datastore],
  URL: `${number}.img`,
  iformat: 'RAW',
  displayName: `image-${number}`,
  sha256: sha256Of(contentOf(number)),
  maxSizeBytes: String(contentOf(number).length),
});

describeWith(['openssl'], 'eve-agent run behind a proxy', () => {
  let agent: AgentFolder;
  let plain: ImageServer;
  let secure: Server;
  let authority: Authority;
  let proxy: HttpProxy;
  let credentials: (string | undefined)[];
  /** Cuts the first answer after so many bytes. */
  let cutAfterBytes: number | undefined;
  let env: NodeJS.ProcessEnv;

  const serve: Parameters<typeof startImageServer>[0] = (request, response) => {
    credentials.push(request.headers.authorization);
    const number = Number(/(\d+)\.img$/.exec(request.url ?? '')?.[1]);
    const stopAfterBytes = cutAfterBytes;
    cutAfterBytes = undefined;
    serveImage(request, response, contentOf(number), stopAfterBytes === undefined ? {} : { stopAfterBytes });
  };
  const base64 = async (file: string) => (await readFile(file)).toString('base64');
  const secureDatastore = async (...files: readonly string[]) => ({
    ...{ id: SECURE, dType: 'DsHttps', fqdn: 'https://far.example', apiKey: SECRET },
    dsCertPEM: await Promise.all(files.map(base64)),
  });
  const plainDatastore = { id: PLAIN, dType: 'DsHttp', fqdn: 'http://far.example' };
  const expectState = (number: number, expected: object) =>
    expect.poll(() => agent.statusOf(uuidOf(number))).toMatchObject(expected);
  const imageOf = (number: number) => readFile(join(agent.state, 'images', `image-${number}`));

  beforeEach(async () => {
    credentials = [];
    cutAfterBytes = undefined;
    plain = await startImageServer(serve);
    env = {};
    agent = await createAgentFolder(env);
    authority = await createAuthority(agent.folder, 'datastores');
    const own = await authority.issue('far', 'DNS:far.example,IP:127.0.0.1');
    const files = { cert: await readFile(own.certificate), key: await readFile(own.key) };
    secure = createServer(files, (request, response) => serve(request, response, 0));
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    const ports = new Map([
      ['far.example:80', Number(plain.url.port)],
      ['far.example:443', (secure.address() as AddressInfo).port],
    ]);
    proxy = await startHttpProxy((name) => ports.get(name));
  });
  afterEach(async () => {
    await agent.remove();
    await proxy.stop();
    await plain.stop();
    secure.closeAllConnections();
    secure.close();
  });

  it('fetches by name through it, plain and by a tunnel; an address without it', async () => {
    await agent.configure({
      datastores: [
        plainDatastore,
        await secureDatastore(authority.certificate),
        { id: ADDRESS, dType: 'DsHttp', fqdn: plain.url.origin },
      ],
      contentInfo: [treeOf(1, PLAIN), treeOf(2, SECURE), treeOf(3, ADDRESS)],
    });
    await agent.start('--proxy', proxy.url.href);
    for (const number of [1, 2, 3]) {
      await expectState(number, { State: 'VERIFIED', Error: '' });
      expect((await imageOf(number)).equals(contentOf(number))).toBe(true);
    }
    expect(proxy.asked.map(({ what }) => what).sort()).toEqual([
      'CONNECT far.example:443',
      'GET http://far.example/1.img',
    ]);
    // It crossed the tunnel, to the datastore that it is for alone.
    expect(credentials.filter((value) => value !== undefined)).toEqual([SECRET]);
    expect(proxy.asked.every(({ credential }) => credential === null)).toBe(true);
    expect(agent.log()).not.toContain(SECRET);
  });

  it('fetches over https from an address with dsCertPEM, past the proxy', async () => {
    const fqdn = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
    await agent.configure({
      datastores: [{ ...(await secureDatastore(authority.certificate)), fqdn }],
      contentInfo: [treeOf(1, SECURE)],
    });
    await agent.start('--proxy', proxy.url.href);
    await expectState(1, { State: 'VERIFIED', Error: '' });
    expect((await imageOf(1)).equals(contentOf(1))).toBe(true);
    expect(credentials).toEqual([SECRET]);
    expect(proxy.asked).toEqual([]);
  });

  it('goes on through it where a connection broke off', async () => {
    cutAfterBytes = 1024 * 1024;
    await agent.configure({ datastores: [plainDatastore], contentInfo: [treeOf(1, PLAIN)] });
    await agent.start('--proxy', proxy.url.href);
    await expectState(1, { State: 'VERIFIED', RetryCount: 1 });
    expect(plain.ranges[0]).toBeNull();
    const storedBytes = Number(/^bytes=(\d+)-$/.exec(plain.ranges[1] ?? '')?.[1]);
    expect(storedBytes).toBeGreaterThan(0);
    expect(agent.lines('verified')).toMatchObject([
      { resumedFromBytes: storedBytes, receivedBytes: contentOf(1).length - storedBytes },
    ]);
    expect((await imageOf(1)).equals(contentOf(1))).toBe(true);
  });

  it('takes the proxy and its password from the environment, and tells nobody', async () => {
    const url = new URL(proxy.url);
    [url.username, url.password] = ['device', SECRET];
    env.EVE_AGENT_PROXY = url.href;
    await agent.configure({
      datastores: [plainDatastore, await secureDatastore(authority.certificate)],
      contentInfo: [treeOf(1, PLAIN), treeOf(2, SECURE)],
    });
    await agent.start('--log-level', 'debug');
    for (const number of [1, 2]) await expectState(number, { State: 'VERIFIED' });
    const credential = `Basic ${Buffer.from(`device:${SECRET}`).toString('base64')}`;
    expect(proxy.asked.map((each) => each.credential)).toEqual([credential, credential]);
    // Not to the datastore, which has one of its own.
    expect(credentials.filter((value) => value !== undefined && value !== SECRET)).toEqual([]);
    const told = [agent.log(), (await agent.command('status', '--json', '--state', agent.state)).stdout];
    for (const text of told) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(credential);
    }
  });

  it('says that the proxy is not there, and goes on when it is', async () => {
    const port = proxy.url.port;
    await proxy.stop();
    await agent.configure({ datastores: [plainDatastore], contentInfo: [treeOf(1, PLAIN)] });
    await agent.start('--proxy', `http://127.0.0.1:${port}`, '--retry-interval', '1');
    await expectState(1, {
      State: 'INITIAL',
      ErrorCode: 'CONNECTION_FAILED',
      ErrorSeverity: 'SEVERITY_NOTICE',
    });
    proxy = await startHttpProxy(() => Number(plain.url.port), Number(port));
    await expectState(1, { State: 'VERIFIED', Error: '' });
  });

  it('believes the certificates of dsCertPEM alone, and takes a new one without a restart', async () => {
    const stranger = await createAuthority(agent.folder, 'strangers');
    await agent.configure({
      datastores: [await secureDatastore(stranger.certificate)],
      contentInfo: [treeOf(1, SECURE)],
    });
    await agent.start('--proxy', proxy.url.href);
    await expectState(1, { State: 'INITIAL', ErrorCode: 'CONNECTION_FAILED' });
    expect(credentials).toEqual([]);
    await agent.configure({
      datastores: [await secureDatastore(stranger.certificate, authority.certificate)],
      contentInfo: [treeOf(1, SECURE)],
    });
    await expectState(1, { State: 'VERIFIED', Error: '' });
  });
});
