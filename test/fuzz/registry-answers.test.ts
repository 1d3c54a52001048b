// SPDX-License-Identifier: Apache-2.0
/** What the agent makes of answers of registries: of any content, in any order. */
import { createHash } from 'node:crypto';
import { CodedError } from '@local-datastore/shared/errors';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
} from '@local-datastore/shared/oci/media-types';
import { normalizePlatform, parsePlatform } from '@local-datastore/shared/oci/platform';
import { expect, it } from 'vitest';
import type { Origin } from '../../eve-agent/src/discovery/origin.ts';
import { createRegistryAuthorization } from '../../eve-agent/src/registry/authorization.ts';
import { createFetchDocument } from '../../eve-agent/src/registry/fetch-document.ts';
import { parseRegistryImage } from '../../eve-agent/src/registry/image-reference.ts';
import { createRegistryClient } from '../../eve-agent/src/registry/registry-client.ts';
import { resolveImage } from '../../eve-agent/src/registry/resolve-image.ts';
import { createScriptedFlows } from '../../eve-agent/src/transfer/scripted-flows.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 1500, long: 20_000 });
const MAX_ANSWERS = 12;
const TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
const SECRET = 'c2VjcmV0';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** One that is near to a good one: cut, doubled, or with a character changed. */
function near(random: Random, text: string): string {
  const at = random.integer(0, text.length);
  switch (random.integer(0, 9)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text + text;
    case 2:
      return text.slice(0, at) + random.pick([...'"{}[],:0-9\\/\u0000 ']) + text.slice(at + 1);
    default:
      return text;
  }
}

const someDescriptor = (random: Random, text: string) => ({
  mediaType: random.pick([...TYPES, 'application/octet-stream', 7, null]),
  digest: random.pick([`sha256:${sha256(text)}`, `sha512:${'a'.repeat(128)}`, 'sha256:../../x', '', null]),
  size: random.pick([text.length, text.length, 0, -1, 1.5, 2 ** 53, '3', null]),
  platform: random.pick([undefined, null, { os: 'linux', architecture: 'amd64' }, { os: 1 }, 'linux/amd64']),
  annotations: random.pick([undefined, null, { a: 'b' }, { a: 1 }, []]),
});

/** A manifest or an index, which may lead to what was made before. */
function someManifest(random: Random, known: readonly string[]): string {
  const children = Array.from({ length: random.integer(0, 3) }, () => {
    const text = random.pick(known);
    return random.integer(0, 2) === 0
      ? someDescriptor(random, text)
      : { mediaType: random.pick(TYPES), digest: `sha256:${sha256(text)}`, size: text.length };
  });
  const document = {
    schemaVersion: random.pick([2, 2, 2, 1, '2']),
    mediaType: random.pick([...TYPES, undefined]),
    ...(random.integer(0, 1) === 0
      ? { manifests: children }
      : { config: children[0] ?? null, layers: random.pick([children, null, {}]) }),
  };
  return near(random, JSON.stringify(document));
}

function someHead(random: Random): string {
  const realm = random.pick([
    'http://ds.local/token',
    '/token',
    'https://evil.example/',
    'http://127.0.0.1/',
    '',
  ]);
  return random
    .pick([
      '',
      '',
      `Content-Type: ${random.pick(TYPES)}\r\n`,
      `WWW-Authenticate: ${near(random, `Bearer realm="${realm}",service="s"`)}\r\n`,
      'WWW-Authenticate: Basic realm="x"\r\n',
      `Location: ${near(random, random.pick(['/v2/', 'http://10.0.0.1/', 'file:///etc/passwd', '//[']))}\r\n`,
      `Docker-Content-Digest: sha256:${'0'.repeat(64)}\r\n`,
    ])
    .replaceAll('\u0000', '');
}

function someAnswer(random: Random, bodies: readonly string[]): string {
  const status = random.pick([200, 200, 200, 200, 401, 401, 403, 404, 307, 500, 206, 416]);
  const body = random.pick([...bodies, '{"token":"abc"}', '{"errors":[{"code":1}]}', '']);
  const length = random.integer(0, 9) === 0 ? random.integer(0, 99) : Buffer.byteLength(body);
  return `HTTP/1.1 ${status} x\r\n${someHead(random)}Content-Length: ${length}\r\n\r\n${body}`;
}

it('ends with an image whose digests fit, or with an error that says why; and no secret goes elsewhere', async () => {
  const random = randomOfThisRun('answers of registries');
  let resolved = 0;
  for (let i = 0; i < CASES; i += 1) {
    const known = ['{"os":"linux","architecture":"amd64"}'];
    for (let j = 0; j < 4; j += 1) known.push(someManifest(random, known));
    const flows = createScriptedFlows(Array.from({ length: MAX_ANSWERS }, () => someAnswer(random, known)));
    const fetchDocument = createFetchDocument(
      {
        locate: async (url): Promise<Origin> => ({
          ...{ url, address: '10.1.0.5', sourceAddress: '10.1.0.1', bridgeName: 'bn1' },
        }),
        ...{ openFlow: flows.openFlow, delay: async () => {}, now: () => 0, random: () => 0 },
        clock: createManualClock(),
      },
      { retry: { maxFailures: 2, maxDelayMs: 1 }, stallTimeoutMs: 20_000, userAgent: 'fuzz' },
    );
    const image = parseRegistryImage('docker://ds.local/a/b:1');
    const given = random.pick([null, `Basic ${SECRET}`]);
    const options = { registry: image.registry, repository: image.repository, given, ca: null };
    const authorization = createRegistryAuthorization(fetchDocument, { ...options, allowsInternal: false });
    const client = createRegistryClient(fetchDocument, { image, authorization, ca: null });
    const platform = normalizePlatform({ os: 'linux', architecture: 'amd64' });
    const wish = { platform, isExact: random.integer(0, 1) === 0 };
    const outcome = await resolveImage(client, image, wish, new AbortController().signal).catch(
      (error: unknown) => error,
    );
    const context = JSON.stringify({ case: i, requests: flows.requests.length });
    if (outcome instanceof Error) expect(outcome, context).toBeInstanceOf(CodedError);
    else {
      resolved += 1;
      const { manifest, blobs } = outcome as Awaited<ReturnType<typeof resolveImage>>;
      expect(formatDigest(manifest.digest)).toBe(`sha256:${sha256(manifest.bytes.toString())}`);
      for (const { digest } of blobs) expect(['sha256', 'sha512']).toContain(digest.algorithm);
    }
    for (const [at, request] of flows.requests.entries()) {
      if (!request.includes(SECRET)) continue;
      expect([flows.places[at]?.host, request], context).toEqual([
        '10.1.0.5',
        expect.stringMatching(/\r\nhost: ds\.local/i),
      ]);
    }
  }
  expect(resolved).toBeGreaterThan(0);
});

it('reads names and platforms of any content', () => {
  const random = randomOfThisRun('names of images');
  const names = [
    'ds.local/p/g/app:1',
    `nginx@sha256:${'0'.repeat(64)}`,
    '[::1]:5000/a',
    'docker.io/library/a:b',
  ];
  for (let i = 0; i < CASES; i += 1) {
    const text = `docker://${near(random, near(random, random.pick(names)))}`;
    try {
      const { registry, repository } = parseRegistryImage(text);
      expect([new URL(registry.href).pathname, repository]).toEqual(['/', repository.toLowerCase()]);
    } catch (error) {
      expect(error, text).toMatchObject({ code: 'REFERENCE_INVALID' });
    }
    const platform = parsePlatform(near(random, near(random, 'linux/arm/v7')));
    if (platform !== null) expect(normalizePlatform(platform)).toEqual(platform);
  }
});
