// SPDX-License-Identifier: Apache-2.0
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createAgentClient } from '../../eve-agent/src/api/client.ts';
import { listen, parseListenAddress } from '../../eve-agent/src/api/listen.ts';
import { createLogStream } from '../../eve-agent/src/api/log-stream.ts';
import { createRouter } from '../../eve-agent/src/api/router.ts';
import { createRoutes, withDescription } from '../../eve-agent/src/api/routes.ts';
import { createConfiguration } from '../../eve-agent/src/configuration/configuration.ts';
import { createJsonFile } from '../../eve-agent/src/content/json-file.ts';
import type { AppEvent } from '../../eve-agent/src/launch/apps/app-board.ts';
import type { Reconciler } from '../../eve-agent/src/reconcile/reconciler.ts';
import { createTally } from '../../eve-agent/src/reconcile/tally.ts';
import { datastoreOf, treeOf, uuidOf } from '../../eve-agent/src/reconcile/test-fixtures.ts';
import type { NtpStatus } from '../../eve-agent/src/sandbox/handlers/ntp-status.ts';
import { describeWith } from '../requirements.ts';

const unknown = { stratum: null, offsetMs: null, delayMs: null, jitterMs: null, distanceMs: null };
const NTP: NtpStatus = {
  ...{ state: 'synchronized', watchedSince: null, refusal: null, offsetMs: -2.5, errorMs: 12, stratum: 5 },
  ...{
    server: '10.0.0.5',
    frequencyPpm: 1.5,
    steps: 2,
    lastStep: { at: '2026-01-01T00:00:00.000Z', byMs: 7000 },
  },
  servers: [
    {
      ...{ name: '10.0.0.5', address: '10.0.0.5', role: 'system-peer', trouble: null, stratum: 4 },
      ...{ isReached: true, offsetMs: -3, delayMs: 0.2, jitterMs: 0.1, distanceMs: 12 },
    },
    { ...unknown, name: 'ds.local', address: null, role: 'unusable', trouble: null, isReached: false },
  ],
};
const PROCESS = {
  ...{ name: 'net', state: 'running' as const, pid: 123, user: 65520, restarts: 2, layers: ['own user'] },
  missing: [{ layer: 'mount namespace' as const, reason: 'the kernel refused it' }],
  droppedDatagrams: 4,
};

const TLS_DEPS = { clock: systemClock, wallMs: Date.now, log: silentLog };
const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
const status = {
  ContentID: uuidOf(1),
  State: 'VERIFIED',
  Error: '',
  CurrentSize: 5,
  TotalSize: 5,
} as ContentTreeStatus;
/** Its name tries to be a metric, and to act on a terminal. */
const app: AppInstanceStatus = {
  ...{ AppID: uuidOf(7), DisplayName: 'web"} 1\neve_agent_apps_failing 99\u001b[2J', Activate: true },
  ...{ State: 'RUNNING', StateTime: '2026-01-01T00:00:00.000Z', ContentID: '', Image: 'eve_x:1' },
  ...{ Generation: 3, BootTime: '', RestartCount: 4, IPAddress: '', Bridge: '', Warnings: [] },
  PortMaps: [{ Protocol: 'tcp', HostAddress: '', HostPort: 8080, AppPort: 80 }],
  ...{ Error: 'it ended\u001b[31m', ErrorTime: '', ErrorCode: 'EXITED' },
  LastSwitch: {
    ...{ Time: '2026-01-01T00:00:10.500Z', Outcome: 'kept', Code: 'EXITED', ContentSha256: '', How: '' },
    ...{ GapMs: 250, Asked: 10, Failed: 2 },
  },
};
const never = new AbortController().signal;

let folder: string;
let socket: string;
let ends: (() => Promise<void>)[];
let acted: string[];
let emitApp: (event: AppEvent) => void;
let serving: () => ReadonlyMap<string, boolean>;
let emit: (event: Parameters<Parameters<Reconciler['onEvent']>[0]>[0]) => void;

function createApi(configSource: string | null = null) {
  acted = [];
  serving = () => new Map([['website', true]]);
  const reconciler = {
    statuses: () => [status],
    status: (uuid: string) => ([uuidOf(1), 'a b.json: contentInfo[0]'].includes(uuid) ? status : null),
    act(uuid: string, action: string) {
      acted.push(`${action} ${uuid}`);
      if (action === 'resume') return 'unusable';
      return action === 'cancel' ? 'verified' : 'done';
    },
    onEvent(listener: typeof emit) {
      emit = listener;
      return () => {};
    },
  } as unknown as Reconciler;
  const logStream = createLogStream(silentLog, () => 0);
  const tally = createTally();
  const configuration = createConfiguration({
    apply: () => [],
    file: createJsonFile(join(folder, 'last.json'), z.unknown(), silentLog),
    wallMs: () => 0,
    log: silentLog,
  });
  const routes = createRoutes({
    reconciler,
    configuration,
    logStream,
    tally,
    configSource: () => configSource,
    version: '1.2.3',
    listInstances: () => [],
    processes: () => [PROCESS],
    separation: () => ({ state: 'on', reason: null }),
    listDhcp: () => [{ interface: 'eth0', state: 'bound' }],
    readNtp: () => NTP,
    auditHead: () => ({ seq: 7, hash: 'ab'.repeat(32) }),
    apps: {
      statuses: () => [app],
      onEvent(listener) {
        emitApp = listener;
        return () => {};
      },
    },
    readServing: async () => serving(),
  });
  return {
    listener: createRouter(withDescription(routes, '1.2.3'), silentLog),
    logStream,
    tally,
    configuration,
  };
}

/** curl's view: status and body. */
async function curl(...args: string[]) {
  const command = ['-s', '--max-time', '20', '-w', '\n%{http_code}', '--unix-socket', socket, ...args];
  const { stdout } = await promisify(execFile)('curl', command);
  return { code: Number(stdout.split('\n').at(-1)), body: stdout.slice(0, stdout.lastIndexOf('\n')) };
}
async function serve(configSource: string | null = null) {
  const api = createApi(configSource);
  ends.push(await listen({ kind: 'unix', path: socket }, api.listener, NO_TLS, TLS_DEPS));
  return api;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'api-'));
  socket = join(folder, 'agent.sock');
  ends = [];
});
afterEach(async () => {
  for (const end of ends) await end();
  await rm(folder, { recursive: true });
});

describe('a place to listen', () => {
  it.each([
    ['unix:/run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
    ['10.1.0.1:8443', { kind: 'tcp', host: '10.1.0.1', port: 8443 }],
    ['[::1]:8443', { kind: 'tcp', host: '::1', port: 8443 }],
  ])('%s is read', (text, address) => expect(parseListenAddress(text)).toEqual(address));
  it.each(['unix:', '8443', ':8443', '10.1.0.1:99999', '::1:8443'])('%s is refused', (text) => {
    expect(() => parseListenAddress(text)).toThrow(ConfigurationError);
  });
});

describe('the socket', () => {
  it('is for owner and group, replaces one that was left behind, and never a living one', async () => {
    const left = createServer().listen({ path: socket });
    await once(left, 'listening');
    await expect(serve()).rejects.toThrow('another program answers');
    left.close();
    await writeFile(socket, '');
    await chmod(socket, 0o777);
    await serve();
    expect((await stat(socket)).mode & 0o777).toBe(0o660);
    expect(await readdir(folder)).toEqual(['agent.sock']);
  });

  it('goes with the service, unless another program has taken the name', async () => {
    await serve();
    await ends.pop()?.();
    expect(await readdir(folder)).toEqual([]);
    await serve();
    await rename(socket, `${socket}.away`);
    await writeFile(socket, 'of another');
    await ends.pop()?.();
    expect(await readFile(socket, 'utf8')).toBe('of another');
  });

  it.each([
    ['a folder that is not there', () => join(folder, 'absent/agent.sock'), 'ENOENT'],
    ['a folder in its place', () => folder, 'cannot listen on'],
    ['a path that is too long', () => join(folder, 'a'.repeat(120)), '107'],
    [
      'a path too long for the folder in which it is made',
      () => join(folder, 'd'.repeat(98 - folder.length), 'a'),
      '107',
    ],
  ])('is refused in %s', async (_, place, message) => {
    const api = createApi(null);
    await expect(listen({ kind: 'unix', path: place() }, api.listener, NO_TLS, TLS_DEPS)).rejects.toThrow(
      message,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describeWith(['curl'], 'the operations', () => {
  const client = () => createAgentClient({ kind: 'unix', path: socket });

  it('tell status, and steer a content tree', async () => {
    await serve();
    expect(await client().ask('GET', '/v1/status', never)).toMatchObject({
      version: '1.2.3',
      networkInstances: [],
      processes: [PROCESS],
      audit: { seq: 7 },
      dhcp: [{ interface: 'eth0' }],
      ntp: NTP,
      contentTrees: [status],
      apps: [app],
    });
    expect(await client().ask('GET', `/v1/content-trees/${uuidOf(1)}`, never)).toEqual(status);
    expect(await client().ask('POST', `/v1/content-trees/${uuidOf(1)}/pause`, never)).toEqual(status);
    expect(acted).toEqual([`pause ${uuidOf(1)}`]);
    const refused = (path: string) => expect(client().ask('POST', path, never)).rejects;
    await refused(`/v1/content-trees/${uuidOf(1)}/cancel`).toMatchObject({
      code: 'AGENT_REFUSED',
      details: { statusCode: 409 },
    });
    await refused(`/v1/content-trees/${uuidOf(1)}/resume`).toThrow('cannot be used as it is configured');
    const place = encodeURIComponent('a b.json: contentInfo[0]');
    expect(await client().ask('GET', `/v1/content-trees/${place}`, never)).toEqual(status);
    await refused('/v1/content-trees/%zz/pause').toMatchObject({ details: { statusCode: 400 } });
    await refused(`/v1/content-trees/${uuidOf(1)}/dance`).toThrow('pause, resume, cancel, retry');
    await refused('/v1/status').toMatchObject({ details: { statusCode: 405 } });
    await refused('/nowhere').toMatchObject({ details: { statusCode: 404 } });
    await expect(
      createAgentClient({ kind: 'unix', path: `${socket}x` }).ask('GET', '/', never),
    ).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
    });
  });

  it('send everything at first, then each change', async () => {
    await serve();
    const stream = client().follow('/v1/events', never);
    expect((await stream.next()).value).toMatchObject({ event: 'configuration', data: { state: 'none' } });
    expect((await stream.next()).value).toEqual({ event: 'content-tree', data: status });
    expect((await stream.next()).value).toEqual({ event: 'app', data: app });
    const change: AppStateChange = {
      ...{ AppID: app.AppID, DisplayName: app.DisplayName, OldState: 'BOOTING', State: 'RUNNING' },
      ...{ Time: '', By: 'operator', Why: 'a restart was asked for' },
    };
    emitApp({ kind: 'status', status: app });
    emitApp({ kind: 'state', change });
    emitApp({ kind: 'removed', id: app.AppID });
    for (const expected of [
      { event: 'app', data: app },
      { event: 'app-state', data: change },
      { event: 'app-removed', data: { AppID: app.AppID } },
    ]) {
      expect((await stream.next()).value).toEqual(expected);
    }
    emit({ kind: 'removed', uuid: uuidOf(1) });
    expect((await stream.next()).value).toEqual({
      event: 'content-tree-removed',
      data: { ContentID: uuidOf(1) },
    });
    await stream.return(undefined);
  });

  it('are followed by a bounded number of clients', async () => {
    await serve();
    const stop = new AbortController();
    const followers = Array.from({ length: 32 }, () => client().follow('/v1/events', stop.signal));
    for (const follower of followers) await follower.next();
    expect((await curl('http://a/v1/events')).code).toBe(503);
    expect((await curl('http://a/v1/logs?follow=false')).code).toBe(503);
    await Promise.all(followers.map((follower) => follower.return(undefined)));
    stop.abort();
    await expect.poll(async () => (await curl('http://a/v1/logs?follow=false')).code).toBe(200);
  });

  it('send the log of one tree, without secrets', async () => {
    const { logStream } = await serve();
    const log = logStream.log.child({ trees: [uuidOf(1)], downloadId: 'd1' });
    log.info({ password: 'hidden', n: 1 }, 'first');
    logStream.log.warn({}, 'of nobody');
    const lines = [];
    for await (const { data } of client().follow(`/v1/logs?tree=${uuidOf(1)}&follow=false`, never))
      lines.push(data);
    expect(lines).toMatchObject([{ message: 'first', level: 'info', fields: { downloadId: 'd1', n: 1 } }]);
    expect(JSON.stringify(lines)).not.toContain('hidden');
  });

  it('take a configuration, refuse a bad one with its paths, and hide its secrets', async () => {
    await serve();
    const put = (document: object) =>
      curl('-X', 'PUT', '-d', JSON.stringify(document), 'http://a/v1/configuration');
    expect((await curl('http://a/readyz')).code).toBe(503);
    expect(
      (await put({ datastores: [datastoreOf(1, { apiKey: 'hidden' })], contentInfo: [treeOf(1)] })).code,
    ).toBe(200);
    expect((await curl('http://a/readyz')).code).toBe(200);
    const slip = await put({ contentInfo: [{ ...treeOf(1), sha256: 'x' }] });
    expect([slip.code, JSON.parse(slip.body)]).toMatchObject([
      200,
      { state: 'applied', unusable: [{ path: 'contentInfo[0].sha256' }] },
    ]);
    const { code, body } = await put({ contentInfo: 5 });
    expect([code, JSON.parse(body)]).toMatchObject([422, { problems: [{ path: 'contentInfo' }] }]);
    expect((await curl('-X', 'PUT', '-d', '{', 'http://a/v1/configuration')).code).toBe(400);
    expect((await curl('http://a/v1/configuration')).body).not.toContain('hidden');
    expect((await curl('http://a/metrics')).body).toContain('eve_agent_configuration_refused 1\n');
  });

  it.each([
    ['an error message', '{"message":"Unauthorized"}', 422, 'an object with \\"message\\"'],
    ['names in another case', '{"Datastores":[],"ContentInfo":[]}', 422, 'Datastores'],
    ['a list', '[]', 422, 'a list of 0'],
    ['a page of HTML', '<html><body>502</body></html>', 400, 'a page of HTML'],
    ['half a file', '{"contentInfo":[{', 400, 'ends early'],
    ['nothing', '', 400, 'it is empty'],
  ])('take no document that is no configuration: %s', async (_name, document, code, words) => {
    await serve();
    const put = (body: string) => curl('-X', 'PUT', '--data-binary', body, 'http://a/v1/configuration');
    await put(JSON.stringify({ datastores: [datastoreOf(1)], contentInfo: [treeOf(1)] }));
    expect(await put(document)).toEqual({ code, body: expect.stringContaining(words) });
    expect((await curl('http://a/v1/configuration')).body).toContain(uuidOf(1));
  });

  it('take a configuration in its envelope, and tell that it drops everything', async () => {
    await serve();
    const put = (document: object) =>
      curl('-X', 'PUT', '-d', JSON.stringify(document), 'http://a/v1/configuration');
    const config = { datastores: [datastoreOf(1)], contentInfo: [treeOf(1)] };
    expect((await put({ config, configHash: 'x' })).body).toContain('"contentTrees":1');
    const { code, body } = await put({});
    expect([code, JSON.parse(body)]).toMatchObject([
      200,
      { state: 'applied', warnings: [expect.stringContaining('wanted no more')] },
    ]);
  });

  it('answer HEAD wherever they answer GET, with the same header and no content', async () => {
    await serve();
    const description = JSON.parse((await curl('http://a/openapi.json')).body) as {
      paths: Record<string, { get?: object }>;
    };
    const paths = Object.entries(description.paths).flatMap(([path, { get }]) =>
      get === undefined ? [] : path.replace('{uuid}', uuidOf(1)),
    );
    expect(paths).toContain('/v1/events');
    for (const path of paths) {
      const isStream = ['/v1/events', '/v1/logs'].includes(path);
      const head = await curl('-I', `http://a${path}`);
      const got = isStream ? { code: 200 } : await curl('-D', '-', '-o', '/dev/null', `http://a${path}`);
      expect([path, head.code]).toEqual([path, got.code]);
      const typeOf = (text: string) => /^content-type: (.*)$/im.exec(text)?.[1];
      expect(typeOf(head.body)).toBe('body' in got ? typeOf(got.body) : 'text/event-stream');
    }
    expect((await curl('-I', 'http://a/v1/nowhere')).code).toBe(404);
    const { body } = await curl('-D', '-', '-X', 'POST', 'http://a/v1/configuration');
    expect(body).toMatch(/^allow: GET, HEAD, PUT\r$/im);
  });

  it('take none where a file is in charge', async () => {
    await serve('/etc/device.json');
    expect(await curl('-X', 'PUT', '-d', '{}', 'http://a/v1/configuration')).toMatchObject({
      code: 409,
      body: expect.stringContaining('/etc/device.json'),
    });
  });

  it('refuse a configuration that is too large, so that its sender can read why', async () => {
    await serve();
    const large = join(folder, 'large.json');
    await writeFile(large, Buffer.alloc(9 * 1024 * 1024, ' '));
    const put = (...more: string[]) => curl('-T', large, ...more, 'http://a/v1/configuration');
    const refused = { code: 413, body: expect.stringContaining('More than 8388608 bytes.') };
    expect(await put()).toEqual(refused);
    expect(await put('-H', 'Expect:')).toEqual(refused);
    expect((await curl('-T', large, '-v', '--stderr', '-', 'http://a/v1/status')).body).not.toContain(
      '100 Continue',
    );
  });

  it('are measured and described', async () => {
    const { tally } = await serve();
    tally.noteVerified(7);
    tally.noteFailure('STALLED');
    const { body } = await curl('http://a/metrics');
    for (const line of [
      'eve_agent_content_trees{state="VERIFIED"} 1',
      'eve_agent_received_bytes_total 7',
      'eve_agent_failures_total{code="STALLED"} 1',
      'eve_agent_process_up{process="net"} 1',
      'eve_agent_process_restarts_total{process="net"} 2',
      'eve_agent_process_layers_missing{process="net"} 1',
      'eve_agent_process_dropped_datagrams_total{process="net"} 4',
      'eve_agent_ntp_synchronized 1',
      'eve_agent_ntp_offset_seconds -0.0025',
      'eve_agent_ntp_error_seconds 0.012',
      'eve_agent_ntp_stratum 5',
      'eve_agent_ntp_server_reachable{server="10.0.0.5"} 1',
      'eve_agent_ntp_server_reachable{server="ds.local"} 0',
      'eve_agent_ntp_server_offset_seconds{server="10.0.0.5"} -0.003',
      'eve_agent_ntp_steps_total 2',
      'eve_agent_ntp_last_step_seconds 7',
      'eve_agent_ntp_last_step_timestamp_seconds 1767225600',
      'eve_agent_apps{state="RUNNING"} 1',
      'eve_agent_apps{state="BROKEN"} 0',
      'eve_agent_apps_failing 1',
      `eve_agent_app_state{app="${uuidOf(7)}",name="web\\"} 1\\\\010eve_agent_apps_failing 99\\\\027[2J",state="RUNNING"} 1`,
      `eve_agent_app_failing{app="${uuidOf(7)}",code="EXITED"} 1`,
      `eve_agent_app_state_timestamp_seconds{app="${uuidOf(7)}"} 1767225600`,
      `eve_agent_app_generation{app="${uuidOf(7)}"} 3`,
      `eve_agent_app_restarts_total{app="${uuidOf(7)}"} 4`,
      `eve_agent_app_last_switch_timestamp_seconds{app="${uuidOf(7)}"} 1767225610.5`,
      `eve_agent_app_last_switch_kept{app="${uuidOf(7)}"} 1`,
      `eve_agent_app_last_switch_gap_seconds{app="${uuidOf(7)}"} 0.25`,
      'eve_agent_deployments_engine_up 1',
      'eve_agent_deployment_serving{deployment="website"} 1',
    ]) {
      expect(body.split('\n')).toContain(line);
    }
    // Each line is a comment or one sample with a number.
    expect(body.split('\n').filter((line) => !/^(?:# .+|[a-z_]+(?:\{.+\})? -?[\d.]+|)$/.test(line))).toEqual(
      [],
    );
    serving = () => {
      throw new Error('away');
    };
    const { body: without } = await curl('http://a/metrics');
    expect(without).toContain('\neve_agent_deployments_engine_up 0\n');
    expect(without).not.toContain('eve_agent_deployment_serving{');
    const description = JSON.parse((await curl('http://a/openapi.json')).body) as {
      paths: Record<string, object>;
      components: { schemas: object };
    };
    expect(Object.keys(description.paths['/v1/configuration'] ?? {})).toEqual(['get', 'put']);
    for (const [, name] of JSON.stringify(description).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(description.components.schemas)).toContain(name);
    }
    expect(await curl('http://a/livez')).toEqual({ code: 200, body: 'ok\n' });
  });
});

describeWith(['openssl'], 'on TCP', () => {
  const tls = (name: string) => join(folder, name);
  /** An authority of its own, and a certificate of it. */
  function makeCertificates(name: string) {
    const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    run(
      'req',
      '-x509',
      ...key,
      '-keyout',
      tls(`${name}-ca.key`),
      '-out',
      tls(`${name}-ca.pem`),
      '-subj',
      `/CN=${name} CA`,
      '-days',
      '2',
    );
    run('req', ...key, '-keyout', tls(`${name}.key`), '-out', tls(`${name}.csr`), '-subj', `/CN=${name}`);
    run(
      'x509',
      '-req',
      '-in',
      tls(`${name}.csr`),
      '-CA',
      tls(`${name}-ca.pem`),
      '-CAkey',
      tls(`${name}-ca.key`),
      '-CAcreateserial',
      '-out',
      tls(`${name}.pem`),
      '-days',
      '2',
    );
  }
  async function get(port: number, client: string | null) {
    const files =
      client === null
        ? {}
        : { cert: await readFile(tls(`${client}.pem`)), key: await readFile(tls(`${client}.key`)) };
    const ca = await readFile(tls('server-ca.pem'));
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path: '/livez',
      ca,
      ...files,
      checkServerIdentity: () => undefined,
    });
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode as number;
  }
  /** A port that nobody has. */
  async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  it('wants the certificate of a client, of the right authority', async () => {
    for (const name of ['server', 'client', 'stranger']) makeCertificates(name);
    const files = { certificate: tls('server.pem'), key: tls('server.key'), clientCa: tls('client-ca.pem') };
    const port = await freePort();
    const { listener } = createApi();
    ends.push(await listen({ kind: 'tcp', host: '127.0.0.1', port }, listener, files, TLS_DEPS));
    expect(await get(port, 'client')).toBe(200);
    await expect(get(port, 'stranger')).rejects.toThrow();
    await expect(get(port, null)).rejects.toThrow();
  });

  it('is refused without all three files', async () => {
    const { listener } = createApi();
    const place = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
    const files = { ...NO_TLS, key: '/nonexistent', clientCa: '/nonexistent' };
    await expect(listen(place, listener, NO_TLS, TLS_DEPS)).rejects.toThrow('--tls-certificate is missing');
    await expect(
      listen(place, listener, { ...files, certificate: '/nonexistent' }, TLS_DEPS),
    ).rejects.toThrow('cannot be read');
  });
});
