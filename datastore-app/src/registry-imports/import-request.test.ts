// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decideImport, importRequestSchema } from './import-request.ts';

const source = 'docker://registry.example/lab/app:1';

describe('the document of a request', () => {
  it.each([
    [{ source }],
    [{ source, as: 'x:1', platforms: ['linux/arm64'], insecure: true }],
    [{ source, tags: ['1.*', 'v?'] }],
    [{ source, credentials: { user: 'u', password: 'p' } }],
    [{ source, credentials: { user: 'u', passwordFile: 'hub.password' } }],
  ])('is %j', (document) => {
    expect(importRequestSchema().safeParse(document).success).toBe(true);
  });

  it.each([
    [{}],
    [{ source: 1 }],
    [{ source, other: true }],
    [{ source, platforms: ['arm64'] }],
    [{ source, platforms: Array.from({ length: 21 }, () => 'linux/arm64') }],
    [{ source, tags: ['1.[0-9]'] }],
    [{ source, tags: [''] }],
    [{ source, tags: ['a'.repeat(129)] }],
    [{ source, credentials: { user: 'u' } }],
    [{ source, credentials: { user: 'u', password: 'p', passwordFile: 'f' } }],
    [{ source, credentials: { user: 'u', passwordFile: '../write-token' } }],
    [{ source, credentials: { user: 'u', passwordFile: '/etc/shadow' } }],
    [{ source, credentials: { user: 'u', passwordFile: '.hidden' } }],
  ])('is not %j', (document) => {
    expect(importRequestSchema().safeParse(document).success).toBe(false);
  });
});

describe('what a request comes to', () => {
  it('is the whole image by its own name', () => {
    expect(decideImport({ source })).toEqual({
      kind: 'parsed',
      value: {
        ...{ source, repository: 'lab/app', tag: '1', tags: [], platforms: [], isInsecure: false, notes: [] },
      },
    });
  });

  it('tells of a name that it changes, and names each platform once', () => {
    const platforms = ['linux/arm64', 'linux/arm64'];
    expect(decideImport({ source, as: 'Lab/X:2', platforms })).toMatchObject({
      value: {
        ...{ repository: 'lab/x', tag: '2', platforms: ['linux/arm64'] },
        notes: [expect.stringContaining('lower case')],
      },
    });
  });

  it.each([
    [{ source: 'oci:x' }, 'A source such as'],
    [{ source, tags: ['1.*'] }, 'names one image'],
    [{ source: 'docker://registry.example/lab/app', tags: ['1.*'], as: 'x:1' }, 'several tags'],
    [{ source, as: 'x:!' }, 'A tag is'],
  ])('is nothing: %j', (request, reason) => {
    expect(decideImport(request)).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining(reason),
    });
  });
});
