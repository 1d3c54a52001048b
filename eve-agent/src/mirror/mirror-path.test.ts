// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isLocalName, parseMirrorRequest } from './mirror-path.ts';

const HEX = '0123456789abcdef'.repeat(4);
const digest = { algorithm: 'sha256', hex: HEX };
const LONG = { algorithm: 'sha512', hex: HEX + HEX };
const name = { host: 'ds.local', repository: 'group/app' };
const nginx = { host: 'docker.io', repository: 'library/nginx' };

describe('what is asked for', () => {
  it.each([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/?ns=ds.local', { kind: 'base' }],
    ['/v2/ds.local/group/app/manifests/1', { kind: 'manifest', name, reference: { tag: '1' } }],
    ['/v2/DS.Local/group/app/manifests/1', { kind: 'manifest', name, reference: { tag: '1' } }],
    [`/v2/ds.local/group/app/manifests/sha256:${HEX}`, { kind: 'manifest', name, reference: { digest } }],
    [`/v2/ds.local/group/app/manifests/sha256%3A${HEX}`, { kind: 'manifest', name, reference: { digest } }],
    [`/v2/ds.local/group/app/blobs/sha256:${HEX}`, { kind: 'blob', name, digest }],
    [`/v2/ds.local/group/app/blobs/sha512:${HEX}${HEX}`, { kind: 'blob', name, digest: LONG }],
    [`/v2/group/app/blobs/sha256:${HEX}?ns=ds.local`, { kind: 'blob', name, digest }],
    [`/v2/ds.local/group/app/referrers/sha256:${HEX}`, { kind: 'referrers', name, digest }],
    ['/v2/group/app/manifests/1?ns=ds.local', { kind: 'manifest', name, reference: { tag: '1' } }],
    ['/v2/ds.local/group/app/tags/list?n=5', { kind: 'tags', name }],
    [
      '/v2/app/manifests/1?ns=ds.local%3A8080',
      { kind: 'manifest', name: { host: 'ds.local:8080', repository: 'app' } },
    ],
    ['/v2/ds.local:8080/app/manifests/1', { name: { host: 'ds.local:8080', repository: 'app' } }],
    ['/v2/ds.local_8080/app/manifests/1', { name: { host: 'ds.local:8080', repository: 'app' } }],
    ['/v2/ds.local_8080/a_1/manifests/1', { name: { host: 'ds.local:8080', repository: 'a_1' } }],
    ['/v2/library/a_8080/manifests/1', { name: { host: 'docker.io', repository: 'library/a_8080' } }],
    ['/v2/ds.local/manifests/manifests/1', { name: { host: 'ds.local', repository: 'manifests' } }],
    ['/v2/library/nginx/manifests/1', { kind: 'manifest', name: nginx }],
    ['/v2/library/nginx/manifests/1?ns=docker.io', { kind: 'manifest', name: nginx }],
    ['/v2/docker.io/library/nginx/manifests/1', { kind: 'manifest', name: nginx }],
  ])('%s', (target, expected) => {
    expect(parseMirrorRequest(target)).toMatchObject(expected);
  });

  it.each([
    '/',
    '/v2/app',
    '/v2/_catalog',
    '/v2/ds.local/app/manifests/..%2f..',
    '/v2/ds.local/App/manifests/1',
    '/v2/ds.local/app/blobs/1',
    '/v2/ds.local/app/blobs/md5:1',
    '/v2/ds.local/app/blobs/uploads/',
    '/v2/ds.local/app/blobs/uploads/1',
    '/v2/ds.local//app/manifests/1',
    '/v2/ds.local/manifests/1',
    '/v2/ds.local_808080/app/manifests/1',
    '/v2/ds.local_/app/manifests/1',
    '/v2/ds_1.local/app/manifests/1',
    '/v2/app/manifests/1?ns=ds.local_8080',
    '/v2/app/manifests/1?ns=',
    '/v2/app/manifests/1?ns=a%40ds.local',
    '/v2/app/manifests/1?ns=ds.local/x',
    `/v2/app/manifests/1?ns=${'a'.repeat(256)}.local`,
    '/v2/%',
    '/v2/ds.local/../app/manifests/1',
    '/v2/ds.local/app/manifests/-1',
    '/v2/%E0%A4%A/app/manifests/1',
    '//',
    'http://[',
    '/v2/app/manifests/1?ns=evil.example%2F.local',
    '/metrics',
  ])('%s is nothing that is here', (target) => {
    expect(parseMirrorRequest(target)).toEqual({ kind: 'unknown' });
  });
});

it.each([
  ['ds.local', true],
  ['ds.local:8080', true],
  ['docker.io', false],
  ['local.example', false],
])('%s is found by multicast DNS: %s', (host, expected) => {
  expect(isLocalName({ host, repository: 'a' })).toBe(expected);
});
