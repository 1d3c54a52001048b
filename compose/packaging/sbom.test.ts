// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { describeMaterials } from './sbom.ts';

const LOCK = {
  'node_modules/zod': {
    version: '4.6.7',
    license: 'MIT',
    integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}`,
  },
  'node_modules/@pinojs/redact': { version: '0.4.0', license: 'MIT' },
  'node_modules/both': { version: '1.0.0', license: '(MIT OR Apache-2.0)' },
  'shared/node_modules/zod': { version: '3.0.0', license: 'MIT' },
  'eve-agent/node_modules/both': { version: '1.0.0', license: '(MIT OR Apache-2.0)' },
};
const VERSIONS = {
  node: '24.0.0',
  modules: '137',
  openssl: '3.5.1',
  acorn: '8.15.0',
};
const materialsOf = (contents: readonly string[], hasNode = false) =>
  describeMaterials({ name: 'eve-agent', version: '0.1.0', contents, hasNode }, LOCK, VERSIONS);
const purlsOf = (contents: readonly string[], hasNode = false) =>
  materialsOf(contents, hasNode).components.map(({ purl }) => purl);

describe('a bill of materials', () => {
  it.each([
    ['nothing but sources', ['eve-agent/src/main.ts'], []],
    ['two files of a package', ['node_modules/zod/a.js', 'node_modules/zod/v4/b.js'], ['pkg:npm/zod@4.6.7']],
    ['a package with a scope', ['node_modules/@pinojs/redact/index.js'], ['pkg:npm/%40pinojs/redact@0.4.0']],
    [
      'two versions of a package',
      ['node_modules/zod/a.js', 'shared/node_modules/zod/a.js'],
      ['pkg:npm/zod@4.6.7', 'pkg:npm/zod@3.0.0'],
    ],
    [
      'one version in two folders',
      ['node_modules/both/a.js', 'eve-agent/node_modules/both/a.js'],
      ['pkg:npm/both@1.0.0'],
    ],
  ])('names of %s each package once', (_, contents, purls) => {
    expect(purlsOf(contents)).toEqual(purls);
  });

  it('tells licences as identifiers and as expressions, and the digest in hexadecimal digits', () => {
    const [both, zod] = materialsOf(['node_modules/zod/a.js', 'node_modules/both/a.js']).components;
    expect(both?.licenses).toEqual([{ expression: '(MIT OR Apache-2.0)' }]);
    expect(zod?.licenses).toEqual([{ license: { id: 'MIT' } }]);
    expect(zod?.hashes).toEqual([{ alg: 'SHA-512', content: '01'.repeat(64) }]);
  });

  it('names Node with what it is linked with, where it is part of it', () => {
    const [node] = materialsOf([], true).components;
    expect(node).toMatchObject({ type: 'platform', purl: 'pkg:generic/node@24.0.0' });
    expect(node?.components?.map(({ purl }) => purl)).toEqual([
      'pkg:generic/acorn@8.15.0',
      'pkg:generic/openssl@3.5.1',
    ]);
  });

  it('is the same of the same, with a serial number of its content', () => {
    const { serialNumber, ...bill } = materialsOf(['node_modules/zod/a.js']);
    expect(materialsOf(['node_modules/zod/a.js'])).toEqual({ serialNumber, ...bill });
    expect(serialNumber).toMatch(/^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
    expect(materialsOf([]).serialNumber).not.toBe(serialNumber);
  });

  it('fails for a package that the lock file does not name', () => {
    expect(() => materialsOf(['node_modules/absent/a.js'])).toThrow(
      'package-lock.json has no node_modules/absent',
    );
  });
});
