// SPDX-License-Identifier: Apache-2.0
/**
 * The doctor against download, over registries good and bad: whatever a row's registry does, the one ends as the other
 * does, and the doctor names the cause and what to try. On loopback, without multicast DNS.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../lab/authorities.ts';
import { describeWith } from '../requirements.ts';
import { runDoctorOn, runDownloadOf } from './both-commands.ts';
import { type Answer, type HostileRegistry, startHostileRegistry } from './hostile-registry.ts';
import { indexOf, someBlob, someImage } from './registry-content.ts';

const LAYER_BYTES = 100_000;
const MANIFEST = '/v2/a/manifests/1';
const ZEROS = '0'.repeat(64);

const refuse =
  (status: number, code = '', headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    const body = code === '' ? '' : JSON.stringify({ errors: [{ code, message: 'as the registry says' }] });
    response.writeHead(status, headers).end(body);
  };
const basic = (realm: string) => ({ 'www-authenticate': realm });

/** What a row does to a registry that has the image `a:1` and is right. */
interface Row {
  /** Changes the registry; what it returns is asked for in the place of `a:1`. */
  readonly change?: (registry: HostileRegistry) => string | undefined;
  readonly args?: readonly string[];
  readonly exitCode: number;
  /** Of the finding that says why; undefined: it can be used. */
  readonly code?: string;
  /** What stands in its message and its advice. */
  readonly says?: readonly RegExp[];
}

const answering =
  (answer: Answer, path = MANIFEST) =>
  (registry: HostileRegistry) => {
    registry.onPath(path, answer);
    return undefined;
  };
const layer = (answer: (registry: HostileRegistry) => Answer) => (registry: HostileRegistry) => {
  registry.onPath(registry.layer.path, answer(registry));
  return undefined;
};
const tags =
  (...names: string[]) =>
  (registry: HostileRegistry) => {
    registry.onPath('/v2/a/tags/list?n=20', (_request, response) =>
      response.end(JSON.stringify({ name: 'a', tags: names })),
    );
    return 'a:lastest';
  };

const ROWS: Readonly<Record<string, Row>> = {
  'an image that is there': { exitCode: 0 },
  'a tag that is not there, beside one like it': {
    change: tags('1', 'latest'),
    exitCode: 4,
    code: 'image-not-found',
    says: [/has no image a:lastest/, /did you mean the tag latest\? the repository has 1, latest/],
  },
  'a repository that is not there': {
    change: () => 'b:1',
    exitCode: 4,
    code: 'image-not-found',
    says: [/has no image b:1/, /compare the name/],
  },
  'a digest that is not there': {
    change: () => `a@sha256:${ZEROS}`,
    exitCode: 4,
    code: 'image-not-found',
    says: [/has no manifest a@sha256:0/, /compare name and digest/],
  },
  'an index without the platform': {
    change(registry) {
      registry.serve('multi', '1', [indexOf([someImage()])], []);
      return 'multi:1';
    },
    args: ['--platform', 'linux/s390x'],
    exitCode: 4,
    code: 'image-platform-not-found',
    says: [/no image for linux\/s390x; there are: linux\/amd64/, /--platform/],
  },
  'a password that is wanted': {
    change: answering(refuse(401, 'UNAUTHORIZED', basic('Basic realm="x"'))),
    exitCode: 4,
    code: 'image-access-denied',
    says: [/401.*UNAUTHORIZED as the registry says/, /give a credential .*--registry-auth/],
  },
  'a password that is wrong': {
    change: answering(refuse(401, 'UNAUTHORIZED', basic('Basic realm="x"'))),
    args: ['--auth', 'Basic cHVsbGVyOndyb25n'],
    exitCode: 4,
    code: 'image-access-denied',
    says: [/401/, /give another credential/],
  },
  'a token service that knows the user not': {
    change(registry) {
      const realm = `Bearer realm="http://${registry.host}/token",service="x"`;
      registry.onPath(MANIFEST, refuse(401, 'UNAUTHORIZED', basic(realm)));
      registry.onPath('/token?service=x&scope=repository%3Aa%3Apull', refuse(401));
      return undefined;
    },
    args: ['--auth', 'Basic cHVsbGVyOndyb25n'],
    exitCode: 4,
    code: 'image-access-denied',
    says: [/refuses the credential \(401\) for a/, /give another credential/],
  },
  'a user who may not': {
    change: answering(refuse(403, 'DENIED')),
    args: ['--auth', 'Bearer a-token'],
    exitCode: 4,
    code: 'image-access-denied',
    says: [/403.*DENIED/, /let the registry grant that user/],
  },
  'a registry in trouble': {
    change: answering(refuse(503, 'UNAVAILABLE')),
    exitCode: 4,
    code: 'image-http-status',
    says: [/503 Service Unavailable.*UNAVAILABLE as the registry says/, /see the registry’s log/],
  },
  'what is no registry': {
    change: answering((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ),
    exitCode: 4,
    code: 'image-manifest-invalid',
    says: [/no JSON/, /see that a registry listens on this port/],
  },
  'a manifest of another digest': {
    change: answering((_request, response) =>
      response
        .writeHead(200, {
          'docker-content-digest': `sha256:${ZEROS}`,
          'content-type': 'application/vnd.oci.image.manifest.v1+json',
        })
        .end('{}'),
    ),
    exitCode: 5,
    code: 'image-digest-mismatch',
    says: [/not sha256:0/, /push the image again/],
  },
  'a blob of another digest': {
    change: layer((registry) => (_request, response) => {
      const bytes = Buffer.from(registry.layer.bytes);
      bytes[5] = (bytes[5] ?? 0) ^ 1;
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    }),
    exitCode: 5,
    code: 'digest-mismatch',
    says: [/the largest blob has sha256 .* by which the manifest names it/, /push the image again/],
  },
  'a blob that is too short': {
    change: layer((registry) => (_request, response) => {
      const bytes = registry.layer.bytes.subarray(1);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    }),
    exitCode: 5,
    code: 'size-mismatch',
    says: [/the blob has \d+ bytes, not the \d+ that the manifest says/, /push the image again/],
  },
  'a blob that is lost': {
    change: layer(() => refuse(404, 'BLOB_UNKNOWN')),
    exitCode: 4,
    code: 'http-status',
    says: [/404/, /has lost this blob/],
  },
  'a blob that is led to a store that refuses it': {
    change(registry) {
      registry.onPath(registry.layer.path, refuse(307, '', { location: '/signed?X-Amz-Expires=0' }));
      registry.onPath('/signed?X-Amz-Expires=0', refuse(403));
      return undefined;
    },
    exitCode: 4,
    code: 'http-status',
    says: [/403/, /a clock is wrong/],
  },
  'a blob that is led to a file': {
    change: layer(() => refuse(307, '', { location: 'file:///etc/passwd' })),
    exitCode: 4,
    code: 'redirect',
    says: [/no http or https URL/, /let the registry give its blobs itself/],
  },
  'a blob without ranges': {
    change: layer((registry) => (_request, response) => {
      response.writeHead(200, { 'content-length': LAYER_BYTES }).end(registry.layer.bytes);
    }),
    exitCode: 0,
  },
  'blobs by sha512': {
    change(registry) {
      const large = someBlob(LAYER_BYTES, 'sha512');
      const image = someImage({ algorithm: 'sha512', layers: [large] });
      registry.serve('long', '1', [image], image.blobs);
      return 'long:1';
    },
    exitCode: 0,
  },
  'https where http is spoken': {
    args: ['--scheme', 'https'],
    exitCode: 4,
    code: 'tls-handshake',
    says: [/speaks no TLS/, /say --scheme http/],
  },
  'an image behind a mirror whose datastore is away': {
    change(registry) {
      registry.onPath('/v2/ds.local/group/app/manifests/1', refuse(404, 'NAME_UNKNOWN'));
      return 'ds.local/group/app:1';
    },
    exitCode: 4,
    code: 'image-not-found',
    says: [/NAME_UNKNOWN as the registry says/, /eve-agent doctor docker:\/\/ds\.local\/group\/app:1/],
  },
  'an image behind a mirror whose datastore is cut off': {
    change(registry) {
      registry.onPath('/v2/ds.local_8080/group/app/manifests/1', refuse(502, 'UNKNOWN'));
      return 'ds.local_8080/group/app:1';
    },
    exitCode: 4,
    code: 'image-http-status',
    says: [/502.*UNKNOWN as the registry says/, /eve-agent doctor docker:\/\/ds\.local:8080\/group\/app:1/],
  },
};

async function expectAgreement(url: string, { args = [], exitCode, code, says = [] }: Row): Promise<void> {
  const [doctor, download] = [await runDoctorOn(url, args), await runDownloadOf(url, args)];
  const both = `doctor: ${doctor.verdict}; download: ${download.lastWord}`;
  expect(doctor.exitCode, both).toBe(exitCode);
  expect(download.exitCode, both).toBe(exitCode);
  expect(doctor.isUsable, both).toBe(exitCode === 0);
  const problems = doctor.findings.filter(({ verdict }) => verdict === 'problem');
  // The size is told twice: as it is stated, and as it was read.
  expect([...new Set(problems.map((finding) => finding.code))]).toEqual(code === undefined ? [] : [code]);
  const told = problems.map(({ message, advice }) => `${message} > ${advice}`).join('\n');
  for (const each of says) expect(told).toMatch(each);
  // What concerns stock EVE alone says nothing of an image.
  const warnings = doctor.findings.filter(({ verdict }) => verdict === 'warning');
  for (const { message, advice } of warnings) expect(message + advice).not.toMatch(/EVE \d|stock EVE/);
  expect(told + download.lastWord).not.toContain('cHVsbGVyOndyb25n');
}

describe('doctor and download agree', () => {
  let registry: HostileRegistry;
  beforeEach(async () => {
    registry = await startHostileRegistry(LAYER_BYTES);
  });
  afterEach(() => registry.close());

  test.each(Object.entries(ROWS))('%s', async (_title, row) => {
    const asked = row.change?.(registry) ?? 'a:1';
    await expectAgreement(`docker://${registry.host}/${asked}`, row);
  });

  test('a registry, or a mirror, that does not run', async () => {
    const { host } = registry;
    registry.cutAll();
    const gone = await startHostileRegistry(1);
    await gone.close();
    expect(gone.host).not.toBe(host);
    await expectAgreement(`docker://${gone.host}/a:1`, {
      ...{ exitCode: 4, code: 'connection-refused', says: [/eve-agent mirror, or a registry/] },
    });
  });

  test('a host that the name service does not know', async () => {
    await expectAgreement('docker://nobody.invalid/a:1', {
      ...{
        exitCode: 4,
        code: 'connection-unknown-host',
        says: [/nobody\.invalid/, /how the name is written/],
      },
    });
  });
});

describeWith(['openssl'], 'doctor and download agree over TLS', () => {
  let folder: string;
  let authority: Authority;
  let other: Authority;
  const running: HostileRegistry[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doctor-registry-'));
    authority = await createAuthority(folder, 'one');
    other = await createAuthority(folder, 'two');
  });
  afterAll(() => rm(folder, { recursive: true }));
  afterEach(async () => {
    for (const registry of running.splice(0)) await registry.close();
  });

  async function startFor(name: string, subject: string): Promise<string> {
    const leaf = await authority.issue(name, subject);
    const [cert, key] = [await readFile(leaf.certificate, 'utf8'), await readFile(leaf.key, 'utf8')];
    const registry = await startHostileRegistry(LAYER_BYTES, { tls: { cert, key } });
    running.push(registry);
    return `docker://${registry.host}/a:1`;
  }

  test('the authority that it has its certificate of', async () => {
    const url = await startFor('right', 'IP:127.0.0.1');
    await expectAgreement(url, { args: ['--ca', authority.certificate], exitCode: 0 });
  });

  test('another authority', async () => {
    const says = [
      /issued by "CN=one authority".*authority of --ca/,
      /in a device configuration that is dsCertPEM/,
    ];
    const args = ['--ca', other.certificate];
    await expectAgreement(await startFor('foreign', 'IP:127.0.0.1'), {
      ...{ args, exitCode: 4, code: 'chain-not-trusted', says },
    });
  });

  test('no authority', async () => {
    const args = ['--scheme', 'https'];
    await expectAgreement(await startFor('unknown', 'IP:127.0.0.1'), {
      ...{ args, exitCode: 4, code: 'chain-not-trusted', says: [/name its authority with --ca/] },
    });
  });

  test('a certificate for another host', async () => {
    const args = ['--ca', authority.certificate];
    await expectAgreement(await startFor('name', 'DNS:other.local'), {
      ...{ args, exitCode: 4, code: 'certificate-name', says: [/it names: DNS:other\.local/] },
    });
  });

  test('http where TLS is spoken', async () => {
    await expectAgreement(await startFor('plain', 'IP:127.0.0.1'), {
      ...{ exitCode: 4, code: 'image-tls-spoken', says: [/--scheme https/] },
    });
  });
});
