// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKS } from './all-checks.ts';

const files = readdirSync(join(import.meta.dirname, 'checks'));
const modules = files.filter((file) => !file.endsWith('.test.ts'));

test('holds every check once, each with an id of its own', () => {
  expect(CHECKS).toHaveLength(modules.length);
  expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
});

test.each(modules)('%s has a table of its own', (module) => {
  expect(files).toContain(module.replace(/\.ts$/, '.test.ts'));
});
