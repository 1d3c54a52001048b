// SPDX-License-Identifier: Apache-2.0
/** A registry with something of everything, as the API tells of it. */
const HEX = (pair: string) => `sha256:${pair.repeat(32)}`;
const LONG = `lab/${'a-long-group-name/'.repeat(6)}detector`;
const AT = '2026-02-03T04:05:06Z';

const COMPLETE = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  ...{ kind: 'image', platforms: ['linux/amd64'], artifactType: null, pushed: AT, by: 'user:alice' },
  ...{ isReleased: false, versions: [], isComplete: true },
} as const;

const REPOSITORIES = [
  {
    ...{ name: 'lab/app', kind: 'pushed', sizeBytes: 123_456_789, updated: AT, manifests: 2 },
    external: [
      { tag: 'far', source: 'docker://registry.example/lab/app:9', at: AT, by: 'admin' },
      { tag: 'long', source: `docker://registry.example/${LONG}@${HEX('44')}`, at: AT, by: null },
    ],
    tags: [
      {
        ...{ ...COMPLETE, tag: 'latest', digest: HEX('ab'), sizeBytes: 123_000_000, isReleased: true },
        ...{ kind: 'index', platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] },
      },
      {
        ...COMPLETE,
        tag: '2026.11.29-rc1-with-a-rather-long-name',
        digest: HEX('cd'),
        sizeBytes: 98_000_000,
      },
      {
        ...{ ...COMPLETE, tag: 'disk', digest: HEX('ef'), sizeBytes: 5_000_000, by: 'admin' },
        ...{ kind: 'artifact', platforms: [], artifactType: 'application/vnd.example.disk.v1' },
      },
    ],
  },
  {
    ...{ name: LONG, kind: 'pushed', sizeBytes: 1000, updated: AT, manifests: 0 },
    tags: [{ ...COMPLETE, tag: '1', digest: HEX('01'), sizeBytes: 1000 }],
  },
  {
    ...{ name: 'archives/linux/cam', kind: 'archive', archive: 'linux/cam.tar', sizeBytes: 2_000_000 },
    ...{ updated: AT, manifests: 0 },
    tags: [{ ...COMPLETE, tag: 'latest', digest: HEX('23'), sizeBytes: 2_000_000, by: null }],
  },
  {
    ...{ name: 'hub/library/nginx', kind: 'upstream', upstream: 'https://registry.example' },
    ...{ sizeBytes: 50_000_000, updated: AT, manifests: 0 },
    tags: [
      {
        ...{ ...COMPLETE, tag: 'stable', digest: HEX('67'), sizeBytes: 50_000_000, by: null },
        isComplete: false,
        versions: [
          { number: 1, digest: HEX('45'), at: '2026-01-03T04:05:06Z' },
          { number: 2, digest: HEX('67'), at: AT },
        ],
      },
    ],
  },
] as const;

const UPSTREAMS = {
  upstreams: [
    {
      ...{ prefix: 'hub', url: 'https://registry.example', state: 'failing', since: AT },
      reason: 'its certificate has expired',
    },
    { prefix: 'site-b', url: 'http://ds-b.local', state: 'reachable', reason: null, since: AT },
    { prefix: 'quay', url: 'https://quay.example', state: 'unasked', reason: null, since: null },
  ],
  imports: [
    { digest: HEX('67'), repository: 'hub/library/nginx', receivedBytes: 20_000_000, sizeBytes: 50_000_000 },
  ],
} as const;

const JOB = {
  ...{ tags: [], platforms: [], isInsecure: false, by: 'admin', created: AT, ended: null, failure: null },
  ...{ digest: null, imagesTotal: 1, imagesDone: 0, fetchedBytes: 0, step: null, notes: [], blobs: [] },
} as const;

const IMPORTS = [
  {
    ...{ ...JOB, id: '0000000000000001', source: 'docker://registry.example/lab/app:3' },
    ...{ repository: 'lab/app', tag: '3', state: 'running', step: 'blobs' },
    ...{ sizeBytes: 80_000_000, doneBytes: 30_000_000 },
  },
  {
    ...{ ...JOB, id: '0000000000000002', source: `docker://registry.example:5000/${LONG}`, tag: null },
    ...{ repository: LONG, tags: ['1.*', 'v2.?-rc*'], state: 'queued', sizeBytes: 0, doneBytes: 0 },
  },
  {
    ...{ ...JOB, id: '0000000000000003', source: 'docker://elsewhere.example/lab/private:1' },
    ...{ repository: 'lab/private', tag: '1', state: 'failed', sizeBytes: 0, doneBytes: 0, ended: AT },
    failure: {
      code: 'DENIED',
      message: 'elsewhere.example does not give image lab/private:1: it wants a credential',
    },
  },
  {
    ...{ ...JOB, id: '0000000000000004', source: 'docker://docker.io/library/nginx:1.29' },
    ...{ repository: 'library/nginx', tag: '1.29', state: 'done', ended: AT, imagesDone: 1 },
    ...{ sizeBytes: 50_000_000, doneBytes: 50_000_000, fetchedBytes: 20_000_000, digest: HEX('67') },
    notes: ['The index names linux/s390x, which the registry does not have.'],
  },
  {
    ...{ ...JOB, id: '0000000000000005', source: 'docker://registry.example/lab/app:2', tag: '2' },
    ...{ repository: 'lab/app', state: 'cancelled', sizeBytes: 9_000, doneBytes: 0, ended: AT },
  },
] as const;

const DISK_MANIFEST = {
  layers: [
    {
      ...{ mediaType: 'application/octet-stream', digest: HEX('89'), size: 5_000_000 },
      annotations: { 'org.opencontainers.image.title': 'disk.qcow2' },
    },
  ],
} as const;

/** What this registry answers; undefined: what is asked for is none of it. @param url with or without host */
export function answerOfFullRegistry(url: string): { contentType: string; body: string } | undefined {
  const { pathname } = new URL(url, 'http://ds.local');
  const json = (body: object) => ({ contentType: 'application/json', body: JSON.stringify(body) });
  const path = /^\/-\/api\/v1\/registry\/(.*)$/.exec(pathname)?.[1];
  if (pathname.startsWith('/v2/lab/app/manifests/')) return json(DISK_MANIFEST);
  if (path === 'upstreams') return json(UPSTREAMS);
  if (path === 'imports') return json({ imports: IMPORTS });
  if (path === 'repositories') {
    const repositories = REPOSITORIES.map(({ tags, manifests: _, ...rest }) => ({
      ...rest,
      tagCount: tags.length,
    }));
    return json({ repositories, isMore: false });
  }
  const found = REPOSITORIES.find(({ name }) => path === `repositories/${name}`);
  return found && json({ ...found, tagCount: found.tags.length, isMore: false });
}
