import { describe, expect, it } from 'vitest';
import { parseByteRange, parseMirrorRequest } from './mirror-path.ts';

const HEX = '0123456789abcdef'.repeat(4);
const digest = { algorithm: 'sha256', hex: HEX };
const name = { host: 'ds.local', repository: 'group/app' };

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
    [`/v2/group/app/blobs/sha256:${HEX}?ns=ds.local`, { kind: 'blob', name, digest }],
    ['/v2/group/app/manifests/1?ns=ds.local', { kind: 'manifest', name, reference: { tag: '1' } }],
    ['/v2/ds.local/group/app/tags/list?n=5', { kind: 'tags', name }],
    [
      '/v2/app/manifests/1?ns=ds.local%3A8080',
      { kind: 'manifest', name: { host: 'ds.local:8080', repository: 'app' } },
    ],
    ['/v2/ds.local:8080/app/manifests/1', { name: { host: 'ds.local:8080', repository: 'app' } }],
    ['/v2/ds.local/manifests/manifests/1', { name: { host: 'ds.local', repository: 'manifests' } }],
  ])('%s', (target, expected) => {
    expect(parseMirrorRequest(target)).toMatchObject(expected);
  });

  it.each([
    '/',
    '/v2/app',
    '/v2/ds.local/manifests/1',
    '/v2/library/nginx/manifests/latest',
    '/v2/nginx/manifests/1?ns=docker.io',
    '/v2/app/manifests/1?ns=',
    '/v2/app/manifests/1?ns=evil.example%2F.local',
    '/v2/app/manifests/1?ns=user%40ds.local',
    '/v2/ds.local/App/manifests/1',
    '/v2/ds.local/../app/manifests/1',
    '/v2/ds.local/app/manifests/-1',
    '/v2/ds.local/app/blobs/latest',
    '/v2/ds.local/app/blobs/uploads/',
    '/v2/127.0.0.1/app/manifests/1',
    '/v2/%E0%A4%A/app/manifests/1',
    '//',
    'http://[',
  ])('%s is nothing that is here', (target) => {
    expect(parseMirrorRequest(target)).toEqual({ kind: 'unknown' });
  });
});

describe('a range of 100 bytes', () => {
  it.each([
    [undefined, 'whole'],
    ['bytes=0-', { first: 0, last: 99 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['bytes=99-', { first: 99, last: 99 }],
    ['bytes=90-1000', { first: 90, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=100-', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=20-10', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['bytes=-', 'whole'],
    ['lines=1-2', 'whole'],
  ])('%s is %j', (text, expected) => {
    expect(parseByteRange(text, 100)).toEqual(expected);
  });

  it('of nothing is nowhere', () => {
    expect([parseByteRange('bytes=0-', 0), parseByteRange(undefined, 0)]).toEqual(['none', 'whole']);
  });
});
