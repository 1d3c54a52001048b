// SPDX-License-Identifier: Apache-2.0
/** What is trusted of a chain, as curl takes it: any certificate of it that was given, whatever else is shown. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { listen } from '../../eve-agent/src/api/listen.ts';
import { readServerTls } from '../../eve-agent/src/api/server-tls.ts';
import { createAuthority, type KeyPair } from '../lab/authorities.ts';
import { findFreePort } from '../lab/loopback-agent.ts';
import { describeWith } from '../requirements.ts';
import { runDoctorOn, runDownloadOf } from './both-commands.ts';

type Part = 'leaf' | 'intermediate' | 'root' | 'stranger';

let folder: string;
let leaf: KeyPair;
const pem = {} as Record<Part, string>;
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partial-chains-'));
  const root = await createAuthority(folder, 'root');
  const intermediate = await root.subordinate('intermediate');
  leaf = await intermediate.issue('leaf', 'IP:127.0.0.1');
  const stranger = await createAuthority(folder, 'stranger');
  for (const [part, { certificate }] of Object.entries({ leaf, intermediate, root, stranger })) {
    pem[part as Part] = await readFile(certificate, 'utf8');
  }
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => rm(folder, { recursive: true }));

async function caFile(parts: readonly Part[]): Promise<string> {
  const file = join(folder, `${parts.join('-')}-trusted.pem`);
  await writeFile(file, parts.map((part) => pem[part]).join(''));
  return file;
}
const joined = (parts: readonly Part[]) => parts.map((part) => pem[part]).join('');

/** Trusted, shown, whether that is enough. */
const CASES: [Part[], Part[], boolean][] = [
  [['leaf'], ['leaf'], true],
  [['leaf'], ['leaf', 'intermediate'], true],
  [['leaf'], ['leaf', 'intermediate', 'root'], true],
  [['intermediate'], ['leaf'], true],
  [['intermediate'], ['leaf', 'intermediate'], true],
  [['intermediate'], ['leaf', 'intermediate', 'root'], true],
  [['root'], ['leaf'], false],
  [['root'], ['leaf', 'intermediate'], true],
  [['root'], ['leaf', 'intermediate', 'root'], true],
  [['intermediate', 'root'], ['leaf'], true],
  [['root', 'intermediate'], ['leaf', 'intermediate'], true],
  [['stranger', 'intermediate'], ['leaf'], true],
  [['stranger'], ['leaf', 'intermediate', 'root'], false],
];

describeWith(['openssl', 'curl'], 'a chain of three certificates', () => {
  async function serve(shown: readonly Part[]): Promise<string> {
    const options = { cert: joined(shown), key: await readFile(leaf.key) };
    const server: Server = createServer(options, (_, response) => response.end('content'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => server.close());
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/a.img`;
  }
  const curlTakes = (url: string, ca: string) =>
    new Promise<boolean>((resolve) => {
      execFile('curl', ['--silent', '--noproxy', '*', '--cacert', ca, url], (error) =>
        resolve(error === null),
      );
    });

  it.each(CASES)(
    'trusting %j, shown %j: %j, for download, doctor and curl',
    async (trusted, shown, isEnough) => {
      const url = await serve(shown);
      const ca = await caFile(trusted);
      const [download, doctor] = [
        await runDownloadOf(url, ['--ca', ca]),
        await runDoctorOn(url, ['--ca', ca]),
      ];
      expect([download.exitCode, doctor.isUsable, await curlTakes(url, ca)]).toEqual([
        isEnough ? 0 : 4,
        isEnough,
        isEnough,
      ]);
    },
  );

  it.each(CASES.filter(([trusted]) => trusted.some((part) => part === 'root' || part === 'stranger')))(
    'a client’s authority %j, shown %j: %j',
    async (trusted, shown, isEnough) => {
      // A server of Node has no partial chains: the root of the client must be there.
      const isLet = isEnough && trusted.includes('root');
      const port = await findFreePort();
      const own = await createAuthority(folder, 'service');
      const { certificate, key } = await own.issue('service', 'IP:127.0.0.1');
      const end = await listen(
        { kind: 'tcp', host: '127.0.0.1', port },
        (_, response) => response.end('ok'),
        { certificate, key, clientCa: await caFile(trusted) },
        { clock: systemClock, wallMs: Date.now, log: silentLog },
      );
      stops.push(end);
      const request = httpsRequest({
        ...{ host: '127.0.0.1', port, agent: false },
        ...{ ca: await readFile(own.certificate), cert: joined(shown), key: await readFile(leaf.key) },
      });
      request.end();
      const status = await once(request, 'response').then(
        ([response]) => {
          response.resume();
          return response.statusCode as number;
        },
        () => 'refused',
      );
      expect(status).toBe(isLet ? 200 : 'refused');
    },
  );

  it.each<Part[]>([['intermediate'], ['leaf']])(
    'a client’s authority without a root is said: %s',
    async (part) => {
      const files = { certificate: leaf.certificate, key: leaf.key, clientCa: await caFile([part]) };
      expect(() => readServerTls(files)).toThrow('it holds no root');
    },
  );
});
