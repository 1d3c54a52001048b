// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readYamlFile } from './yaml-file.ts';

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'yaml-file-')), 'file.yaml');
});
afterEach(() => rm(join(file, '..'), { recursive: true }));

it('reads what is written', async () => {
  await writeFile(file, 'a: [1, two]\n');
  expect(readYamlFile(file)).toEqual({ a: [1, 'two'] });
});

it('says where it goes wrong, and not what stands there', async () => {
  await writeFile(file, 'a: 1\npassword: [secret-of-mine\n');
  expect(() => readYamlFile(file)).toThrow(/line \d/);
  expect(() => readYamlFile(file)).not.toThrow('secret-of-mine');
});

it('reads no more than a person writes', async () => {
  await writeFile(file, `a: "${'x'.repeat(1024 * 1024)}"\n`);
  expect(() => readYamlFile(file)).toThrow('more than 1048576 bytes');
});
