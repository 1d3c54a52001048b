// SPDX-License-Identifier: Apache-2.0
/** Requests and manifests that no client should send, and now and then one that it should. */
import type { Random } from '../random.ts';

const NAMES = [
  'lab/app',
  'lab/app',
  'lab/other',
  'a',
  'archives/a',
  'manifests',
  'blobs/uploads',
  'tags/list',
];
const HOSTILE_NAMES = [
  '',
  'A',
  '..',
  '%2e%2e',
  '_catalog',
  'a//b',
  '-a',
  'a/'.repeat(130),
  '%C3%A9',
  '%00',
  'a%2fb',
];
const TAGS = ['1', '2', 'latest'];
const HOSTILE_REFERENCES = [
  '',
  '-x',
  'x'.repeat(129),
  'sha256:',
  'sha256:zz',
  'md5:00',
  '..',
  '%00',
  'a:b',
  '__proto__',
];
const VALUES: readonly unknown[] = [
  ...[null, true, -1, 0, 1e308, 2 ** 53, '', 'x', [], {}, [[]], '../../etc/passwd', 'sha256:x', '\u0000'],
  ...['x'.repeat(10_000), { __proto__: {}, constructor: 1 }, Array.from({ length: 2000 }, () => ({}))],
];

/** What earlier answers told of, which later requests are about. */
export interface Known {
  readonly digests: string[];
  readonly uploads: string[];
}

const name = (random: Random) => random.pick(random.next() < 0.85 ? NAMES : HOSTILE_NAMES);
const digest = (random: Random, { digests }: Known) =>
  random.next() < 0.85 ? random.pick(digests) : random.pick(HOSTILE_REFERENCES);
const number = (random: Random) =>
  String(random.pick([0, 1, 5, 100, 1000, -1, 2 ** 53, '9'.repeat(30), 'x', '']));

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'];

/** A method, mostly one that the path has, and a path below `/v2/` with its query. */
export function someCall(random: Random, known: Known): { readonly method: string; readonly path: string } {
  const reference = () => random.pick([random.pick(TAGS), random.pick(TAGS), digest(random, known)]);
  const upload = () => random.pick(known.uploads).replace(/^\/v2\//, '');
  const withTag = () => `tag=${random.pick([...TAGS, ...HOSTILE_REFERENCES])}&force=true`;
  const kinds: [string[], () => string][] = [
    [['GET', 'HEAD', 'PUT', 'PUT', 'DELETE'], () => `${name(random)}/manifests/${reference()}`],
    [['GET', 'PUT', 'DELETE'], () => `${name(random)}/manifests/${digest(random, known)}?${withTag()}`],
    [['GET', 'HEAD', 'DELETE'], () => `${name(random)}/blobs/${digest(random, known)}`],
    [['POST'], () => `${name(random)}/blobs/uploads/`],
    [['POST'], () => `${name(random)}/blobs/uploads/?digest=${digest(random, known)}`],
    [['POST'], () => `${name(random)}/blobs/uploads/?mount=${digest(random, known)}&from=${name(random)}`],
    [['POST'], () => `${name(random)}/blobs/uploads/?digest-algorithm=${random.pick(['sha512', 'md5', ''])}`],
    [['PUT'], () => `${upload()}?digest=${digest(random, known)}`],
    [['GET', 'PATCH', 'PATCH', 'DELETE'], upload],
    [['GET'], () => `${name(random)}/tags/list?n=${number(random)}&last=${random.pick(TAGS)}`],
    [
      ['GET'],
      () =>
        `${name(random)}/referrers/${digest(random, known)}?artifactType=${random.pick(['', 'a/b', '%00'])}`,
    ],
    [['GET'], () => `_catalog?n=${number(random)}&last=${name(random)}`],
    [METHODS, () => random.pick(['', '?', 'x', '%', '/', '..', '_catalog/x', '\\', 'lab/app'])],
  ];
  const [methods, make] = random.pick(kinds);
  return { method: random.pick(random.next() < 0.85 ? methods : METHODS), path: `/v2/${make()}` };
}

/** Puts a value somewhere into a document. */
function disturb(random: Random, node: unknown): unknown {
  if (typeof node !== 'object' || node === null || random.next() < 0.2) return random.pick(VALUES);
  const entries = Object.entries(node);
  if (entries.length === 0) return random.pick(VALUES);
  const at = random.integer(0, entries.length - 1);
  const changed = entries.flatMap(([key, value], index) => {
    if (index !== at) return [[key, value] as const];
    return random.next() < 0.1 ? [] : [[key, disturb(random, value)] as const];
  });
  return Array.isArray(node) ? changed.map(([, value]) => value) : Object.fromEntries(changed);
}

/** A manifest: as it is, changed in some places, or broken as text. */
export function someManifest(random: Random, sound: readonly Buffer[]): Buffer {
  const bytes = random.pick(sound);
  const kind = random.next();
  if (kind < 0.2) return bytes;
  if (kind < 0.75) {
    let document: unknown = JSON.parse(bytes.toString());
    for (let count = random.integer(1, 3); count > 0; count -= 1) document = disturb(random, document);
    return Buffer.from(JSON.stringify(document) ?? '');
  }
  if (kind < 0.9) {
    const broken = Buffer.from(bytes);
    for (let count = random.integer(1, 5); count > 0; count -= 1) {
      broken[random.integer(0, broken.length - 1)] = random.integer(0, 255);
    }
    return random.next() < 0.5 ? broken : broken.subarray(0, random.integer(0, broken.length));
  }
  const depth = random.integer(1, 20_000);
  return random.pick([
    Buffer.from('['.repeat(depth)),
    Buffer.from(`{"schemaVersion":2,"manifests":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    Buffer.from(`${'{"subject":'.repeat(depth)}1${'}'.repeat(depth)}`),
    Buffer.from(bytes.toString(), 'utf16le'),
    Buffer.concat([Buffer.from('\ufeff'), bytes]),
    Buffer.alloc(0),
  ]);
}

/** Fields that say something of the request; those of its length are the client's. */
export function someHeaders(random: Random, mediaTypes: readonly string[]): Record<string, string> {
  const fields: Record<string, () => string> = {
    'content-type': () => random.pick([...mediaTypes, ...mediaTypes, 'application/json', 'x', ';', '']),
    'content-range': () =>
      random.pick([`0-${random.integer(0, 300)}`, '5-9', `${number(random)}-${number(random)}`]),
    range: () => random.pick([`bytes=${number(random)}-${number(random)}`, 'bytes=0-5', 'bytes=-5', 'x']),
    accept: () => random.pick([...mediaTypes, '*/*', 'x']),
    'if-none-match': () => random.pick(['*', '"x"', '"']),
    'docker-upload-uuid': () => 'x',
  };
  const wanted = Object.entries(fields).filter(
    ([field]) => random.next() < (field === 'content-type' ? 0.8 : 0.15),
  );
  return Object.fromEntries(wanted.map(([field, make]) => [field, make()]));
}
