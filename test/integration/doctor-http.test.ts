// SPDX-License-Identifier: Apache-2.0
/** What is wrong with a datastore's web server, one test a finding. On loopback, without multicast DNS. */
import { createHash, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../eve-agent/src/cli/program.ts';
import { silentLog } from '../../shared/src/log.ts';
import { readDiagnosis } from './doctor-runs.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';

const IMAGE = makeImage(200_000);
const SHA256 = sha256Of(IMAGE);
const DAY_MS = 24 * 60 * 60 * 1000;
/** The one remark on every URL here. */
const AS_ADDRESS = 'warning address-in-url';

/** The program in this process. */
async function run(...args: readonly string[]) {
  let stdout = '';
  const context = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: process.stderr,
    terminal: { input: process.stdin, output: process.stdout },
    signal: new AbortController().signal,
    createLog: () => silentLog,
  };
  const exitCode = await runProgram(['doctor', ...args, '--json'], '0', context);
  return readDiagnosis(stdout, exitCode);
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

type Serve = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serve(behaviour: Serve): Promise<ImageServer> {
  const server = await startImageServer(behaviour);
  cleanUps.push(server.stop);
  return server;
}

async function diagnose(behaviour: Serve, ...args: readonly string[]) {
  const { url } = await serve(behaviour);
  return run(url.href, ...args);
}

/** A server as it should be, with what a test changes about each answer. */
const soundBut =
  (change: (response: ServerResponse, request: IncomingMessage) => void): Serve =>
  (request, response) => {
    const writeHead = response.writeHead.bind(response) as (
      status: number,
      fields?: object,
    ) => ServerResponse;
    response.writeHead = ((status: number, fields: object = {}) => {
      for (const [name, value] of Object.entries(fields)) response.setHeader(name, value as string);
      response.statusCode = status;
      change(response, request);
      return writeHead(response.statusCode);
    }) as typeof response.writeHead;
    serveImage(request, response, IMAGE);
  };

const sound = soundBut(() => {});

describe('doctor: HTTP', () => {
  test('nothing is wrong', async () => {
    const { findings, exitCode, document } = await diagnose(sound, '--size', '200000');
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS], exitCode: 0 });
    expect(document.checks.find(({ id }) => id === 'ranges')?.summary).toBe('206 for bytes 65536 and on');
  });

  test('a port on which nobody listens', async () => {
    const { url, stop } = await startImageServer(() => undefined);
    await stop();
    const { findings, exitCode } = await run(url.href);
    expect({ findings, exitCode }).toEqual({
      findings: [AS_ADDRESS, 'problem connection-refused'],
      exitCode: 4,
    });
  });

  test('a port that does not speak HTTP', async () => {
    // The doctor hangs up as soon as it knows enough.
    const greet = (socket: Socket) => socket.on('error', () => {}).end('SSH-2.0-x\r\n');
    const server = createTcpServer(greet).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    const { findings, exitCode } = await run(`http://127.0.0.1:${port}/image.img`);
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'problem http-no-answer'], exitCode: 4 });
  });

  test.each([
    [404, 'compare the path'],
    [401, '--auth'],
    [503, 'log'],
  ])('status %i', async (statusCode, wanted) => {
    const { findings, exitCode, advice, message } = await diagnose((_, response) => {
      response.writeHead(statusCode).end();
    });
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'problem http-status'], exitCode: 4 });
    expect(advice('http-status')).toContain(wanted);
    expect(message('http-status')).toContain(String(statusCode));
  });

  test('a part that was not asked for', async () => {
    const { findings, exitCode } = await diagnose((_, response) => {
      response.writeHead(206, { 'Content-Range': 'bytes 0-9/10' }).end(Buffer.alloc(10));
    });
    expect({ findings, exitCode }).toEqual({
      findings: [AS_ADDRESS, 'problem response-invalid'],
      exitCode: 4,
    });
  });

  test('the credential is sent', async () => {
    const { url, requests } = await serve(sound);
    const { exitCode } = await run(url.href, '--auth', 'Bearer abc');
    expect(exitCode).toBe(0);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer abc', 'Bearer abc']);
    expect(requests.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'identity']);
  });

  test('a redirect to another host', async () => {
    const { findings, exitCode, message } = await diagnose((_, response) => {
      response.writeHead(302, { Location: 'http://elsewhere.local/\u00e9' }).end();
    });
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'problem redirect'], exitCode: 4 });
    expect(message('redirect')).toContain('http://elsewhere.local/');
  });

  test('a redirect within the host: the agent follows', async () => {
    const { findings, exitCode } = await diagnose((request, response) => {
      if (request.url === '/there.img') serveImage(request, response, IMAGE);
      else response.writeHead(301, { Location: '/there.img' }).end();
    });
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'warning redirected'], exitCode: 0 });
  });

  test('several redirects are one remark, and too many a problem', async () => {
    const behaviour =
      (count: number): Serve =>
      (request, response) => {
        const step = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 0);
        if (step === count) serveImage(request, response, IMAGE);
        else response.writeHead(302, { Location: `/${step + 1}` }).end();
      };
    const some = await diagnose(behaviour(3));
    expect(some.findings).toEqual([AS_ADDRESS, 'warning redirected']);
    expect(some.message('redirected')).toContain('redirects in 3 steps to /3;');
    const endless = await diagnose(behaviour(-1));
    expect(endless.findings).toEqual([AS_ADDRESS, 'warning redirected', 'problem redirect']);
    expect(endless.message('redirect')).toBe('the redirect to "/6" is not followed: more than 5 in a row');
  });

  test('a file whose end is the end of the connection', async () => {
    const { url } = await serve((_, response) => {
      response.useChunkedEncodingByDefault = false;
      response.removeHeader('Transfer-Encoding');
      response.shouldKeepAlive = false;
      response.writeHead(200);
      response.end(IMAGE);
    });
    const { findings, exitCode, advice, message } = await run(url.href);
    expect(findings.slice(0, 2)).toEqual([AS_ADDRESS, 'problem end-unknown']);
    expect([exitCode, advice('end-unknown')]).toEqual([4, expect.stringContaining('--size')]);
    expect(message('size-unknown')).toContain('stock EVE goes by maxSizeBytes alone');
    for (const given of [
      ['--size', '200000'],
      ['--sha256', SHA256],
    ]) {
      const known = await run(url.href, ...given);
      expect(known.findings).not.toContain('problem end-unknown');
      expect(known.exitCode).toBe(0);
    }
  });

  test('compression', async () => {
    const { findings, exitCode } = await diagnose((_, response) => {
      const body = gzipSync(IMAGE);
      response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': body.length, ETag: '"x"' });
      response.end(body);
    });
    expect(findings.slice(0, 2)).toEqual([AS_ADDRESS, 'problem compressed']);
    expect(exitCode).toBe(4);
  });

  const whole: Serve = (_, response) => {
    response.setHeader('ETag', '"x"');
    response.writeHead(200, { 'Content-Length': IMAGE.length }).end(IMAGE);
  };

  test('no ranges', async () => {
    const { findings, exitCode } = await diagnose(whole);
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'warning no-ranges'], exitCode: 0 });
  });

  test('ranges that are promised and not kept', async () => {
    const { findings, exitCode } = await diagnose((request, response) => {
      response.setHeader('Accept-Ranges', 'bytes');
      whole(request, response);
    });
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'warning range-ignored'], exitCode: 0 });
  });

  test('a wrong Content-Range', async () => {
    const change = soundBut((response) => {
      if (response.statusCode === 206) response.setHeader('Content-Range', 'bytes 1-134464/200000');
    });
    const { findings, message } = await diagnose(change);
    expect(findings).toEqual([AS_ADDRESS, 'warning content-range-wrong']);
    expect(message('content-range-wrong')).toContain('asked for byte 65536 and on');
  });

  test('a range that is refused', async () => {
    const { findings } = await diagnose((request, response) => {
      if (request.headers.range === undefined) serveImage(request, response, IMAGE);
      else response.writeHead(403).end();
    });
    expect(findings).toEqual([AS_ADDRESS, 'warning range-refused']);
  });

  test('a range that gets no answer', async () => {
    const { findings } = await diagnose((request, response) => {
      if (request.headers.range === undefined) serveImage(request, response, IMAGE);
      else response.destroy();
    });
    expect(findings).toEqual([AS_ADDRESS, 'warning range-no-answer']);
  });

  test('Accept-Ranges missing on 206', async () => {
    const change = soundBut((response) => {
      if (response.statusCode === 206) response.removeHeader('Accept-Ranges');
    });
    const { findings, exitCode, advice } = await diagnose(change);
    expect({ findings, exitCode }).toEqual({
      findings: [AS_ADDRESS, 'warning accept-ranges-missing'],
      exitCode: 0,
    });
    expect(advice('accept-ranges-missing')).toContain('nginx');
  });

  test.each(['ETag', 'Last-Modified'])('%s that differs from answer to answer', async (name) => {
    let answers = 0;
    const change = soundBut((response) => {
      response.setHeader('Last-Modified', new Date(0).toUTCString());
      answers += 1;
      // Where there is an ETag, it alone counts.
      if (name !== 'ETag') response.removeHeader('ETag');
      response.setHeader(name, name === 'ETag' ? `"${answers}"` : new Date(answers * DAY_MS).toUTCString());
    });
    const { findings, message } = await diagnose(change);
    expect(findings).toEqual([AS_ADDRESS, 'warning validators-unstable']);
    expect(message('validators-unstable')).toMatch(new RegExp(`^${name} differs`));
  });

  test('nothing that tells two versions apart', async () => {
    const { findings } = await diagnose(soundBut((response) => response.removeHeader('ETag')));
    expect(findings).toEqual([AS_ADDRESS, 'warning no-validator']);
  });

  test('a clock that is wrong', async () => {
    const change = soundBut((response) => response.setHeader('Date', new Date(0).toUTCString()));
    const { findings, message } = await diagnose(change);
    expect(findings).toEqual([AS_ADDRESS, 'warning clock-skew']);
    expect(message('clock-skew')).toMatch(/\d+ s behind this host’s/);
  });

  test('no size', async () => {
    const { findings, exitCode } = await diagnose((_, response) => {
      response.writeHead(200, { ETag: '"x"' });
      response.end(IMAGE);
    });
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'warning size-unknown'], exitCode: 0 });
  });

  test('another size than was given', async () => {
    const { findings, exitCode } = await diagnose(sound, '--size', '200001');
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'problem size-mismatch'], exitCode: 5 });
  });

  test('another digest than was given: as stated, and as read', async () => {
    const other = '0'.repeat(64);
    const stating = soundBut((response) => {
      const digest = createHash('sha256').update(IMAGE).digest('base64');
      response.setHeader('Repr-Digest', `sha-256=:${digest}:`);
    });
    const stated = await diagnose(stating, '--sha256', other);
    expect(stated).toMatchObject({ findings: [AS_ADDRESS, 'problem digest-mismatch'], exitCode: 5 });
    expect(stated.message('digest-mismatch')).toContain(`sha256 ${SHA256}, as the datastore states`);
    const read = await diagnose(sound, '--sha256', other, '--full');
    expect(read).toMatchObject({ findings: [AS_ADDRESS, 'problem digest-mismatch'], exitCode: 5 });
    expect(read.message('digest-mismatch')).toContain(`sha256 ${SHA256}, as read`);
    const lying = soundBut((response) => response.setHeader('ETag', `"sha256:${other}"`));
    const lie = await diagnose(lying, '--full');
    expect(lie).toMatchObject({ exitCode: 5 });
    expect(lie.findings).toContain('problem digest-mismatch');
    expect(await diagnose(sound, '--sha256', SHA256, '--full')).toMatchObject({
      findings: [AS_ADDRESS],
      exitCode: 0,
    });
  });

  test('a file that breaks off, and goes on when it is asked for the rest', async () => {
    const { findings, exitCode } = await diagnose(
      (request, response) => serveImage(request, response, IMAGE, { stopAfterBytes: 100_000 }),
      '--full',
    );
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS], exitCode: 0 });
  });

  test('a file that breaks off for good', async () => {
    const { findings, exitCode } = await diagnose((request, response) => {
      if (request.headers.range === undefined)
        serveImage(request, response, IMAGE, { stopAfterBytes: 100_000 });
      else response.destroy();
    }, '--full');
    expect({ findings, exitCode }).toEqual({
      ...{ findings: [AS_ADDRESS, 'warning range-no-answer', 'problem file-broke-off'], exitCode: 4 },
    });
  });
});

describe('doctor: URL', () => {
  test.each([
    ['ds.local/a.img', 'url-without-scheme', 'write http://ds.local/a.img'],
    ['ftp://ds.local/a.img', 'url-invalid', 'http://ds.local/image'],
  ])('%s', async (url, code, wanted) => {
    const { findings, exitCode, advice } = await run(url);
    expect({ findings, exitCode }).toEqual({ findings: [`problem ${code}`], exitCode: 2 });
    expect(advice(code)).toContain(wanted);
  });

  test('a password in the URL is not repeated', async () => {
    const { document, exitCode } = await run('http://me:secret@ds.local/a.img');
    expect(exitCode).toBe(2);
    expect(JSON.stringify(document)).not.toContain('secret');
  });
});

describe('doctor: TLS', () => {
  type Certificate = { key: string; cert: string };
  let issue: (subjectAltNames: string[], fromMs: number, toMs: number) => Promise<Certificate>;
  let caFile: string;
  let otherCaFile: string;

  beforeAll(async () => {
    await import('reflect-metadata');
    const x509 = await import('@peculiar/x509');
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const makeCa = async (name: string) => {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name,
        keys,
        notBefore: new Date(Date.now() - 100 * DAY_MS),
        notAfter: new Date(Date.now() + 100 * DAY_MS),
        signingAlgorithm: algorithm,
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
      });
      return { keys, certificate };
    };
    const folder = await mkdtemp(join(tmpdir(), 'doctor-tls-'));
    const ca = await makeCa('CN=Doctor CA');
    caFile = join(folder, 'ca.pem');
    otherCaFile = join(folder, 'other.pem');
    await writeFile(caFile, ca.certificate.toString('pem'));
    await writeFile(otherCaFile, (await makeCa('CN=Other CA')).certificate.toString('pem'));
    issue = async (names, fromMs, toMs) => {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const leaf = await x509.X509CertificateGenerator.create({
        subject: 'CN=ds.local',
        issuer: ca.certificate.subject,
        notBefore: new Date(fromMs),
        notAfter: new Date(toMs),
        publicKey: keys.publicKey,
        signingKey: ca.keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({
              type: /^[\d.]+$/.test(value) ? ('ip' as const) : ('dns' as const),
              value,
            })),
          ),
        ],
      });
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
      const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(pkcs8).toString('base64')}\n-----END PRIVATE KEY-----\n`;
      return { key, cert: leaf.toString('pem') };
    };
    return () => rm(folder, { recursive: true });
  });

  async function diagnoseTls(
    names: string[],
    [fromDays, toDays]: [number, number],
    ...args: readonly string[]
  ) {
    const nowMs = Date.now();
    const certificate = await issue(names, nowMs + fromDays * DAY_MS, nowMs + toDays * DAY_MS);
    const authorizations: (string | undefined)[] = [];
    const server = createTlsServer(certificate, (request, response) => {
      authorizations.push(request.headers.authorization);
      serveImage(request, response, IMAGE);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    return { ...(await run(`https://127.0.0.1:${port}/image.img`, ...args)), authorizations };
  }

  test('nothing is wrong', async () => {
    const run = await diagnoseTls(['127.0.0.1'], [-1, 1], '--ca', caFile);
    expect(run).toMatchObject({ findings: [AS_ADDRESS], exitCode: 0 });
  });

  test('an authority that is not known: no credential is sent', async () => {
    const run = await diagnoseTls(['127.0.0.1'], [-1, 1], '--ca', otherCaFile, '--auth', 'Bearer x');
    expect(run).toMatchObject({
      findings: [AS_ADDRESS, 'problem chain-not-trusted'],
      exitCode: 4,
      authorizations: [],
    });
    expect(run.message('chain-not-trusted')).toContain('issued by "CN=Doctor CA"');
    const system = await diagnoseTls(['127.0.0.1'], [-1, 1]);
    expect(system.advice('chain-not-trusted')).toContain('--ca');
  });

  test('a certificate for the name and not for the address', async () => {
    const run = await diagnoseTls(['ds.local'], [-1, 1], '--ca', caFile);
    expect(run).toMatchObject({ findings: [AS_ADDRESS, 'problem certificate-name'], exitCode: 4 });
    expect(run.message('certificate-name')).toContain('DNS:ds.local');
  });

  test.each([
    ['certificate-expired', [-2, -1]],
    ['certificate-not-yet-valid', [1, 2]],
  ] as [string, [number, number]][])('%s', async (code, days) => {
    const run = await diagnoseTls(['127.0.0.1'], days, '--ca', caFile);
    expect(run).toMatchObject({ findings: [AS_ADDRESS, `problem ${code}`], exitCode: 4 });
    expect(run.advice(code)).toContain('clocks');
  });

  test('plain HTTP on the port', async () => {
    const { url } = await serve(sound);
    const { findings, exitCode } = await run(`https://127.0.0.1:${url.port}/image.img`);
    expect({ findings, exitCode }).toEqual({ findings: [AS_ADDRESS, 'problem tls-handshake'], exitCode: 4 });
  });
});
