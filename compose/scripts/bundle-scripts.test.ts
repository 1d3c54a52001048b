// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../eve-agent/package.json' with { type: 'json' };
import { bundleScripts } from './bundle-scripts.ts';
import { writeCodeCache } from './code-cache.ts';
import { QUICK_SCRIPT } from './script-loader.ts';

let folder: string;
let files: ReadonlyMap<string, string>;
const put = (name: string) => writeFile(join(folder, name), files.get(name) ?? '');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scripts-'));
  ({ files } = await bundleScripts('compose/scripts/start-from-folder.ts'));
  await put('main.js');
  await put(QUICK_SCRIPT);
});
afterAll(() => rm(folder, { recursive: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.js'), ...args], {
    encoding: 'utf8',
  });
  return { exitCode: status, stdout, stderr };
}

const RESOLVED = {
  exitCode: 0,
  stdout: '10.1.0.5 is an address: nothing to resolve\nurl             http://10.1.0.5/\n',
  stderr: '',
};

test('a quick command needs no script but the quick one', () => {
  expect(run('--version')).toEqual({ exitCode: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  expect(run('resolve', 'http://10.1.0.5/')).toEqual(RESOLVED);
  // A value has to be checked: zod is missing.
  expect(run('resolve', '--timeout', '1', 'http://10.1.0.5/')).toMatchObject({ exitCode: 1 });
});

test('everything else is loaded from the other scripts', async () => {
  for (const name of files.keys()) await put(name);
  expect(run('resolve', '--timeout', '1', 'http://10.1.0.5/')).toEqual(RESOLVED);
  const { stdout } = run('--help');
  for (const command of ['browse', 'download', 'run', 'doctor', 'watch']) expect(stdout).toContain(command);
});

test('an error of a package is told from others', async () => {
  const auth = join(folder, 'auth.json');
  await writeFile(auth, '[]');
  const { exitCode, stderr } = run('download', 'docker://10.1.0.5/a:1', '--registry-auth', auth);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('is not as it has to be')]);
});

test('a code cache changes nothing, nor does a damaged one', async () => {
  const cache = writeCodeCache(folder);
  expect(run('resolve', 'http://10.1.0.5/')).toEqual(RESOLVED);
  await writeFile(cache, 'damaged');
  expect(run('resolve', 'http://10.1.0.5/')).toEqual(RESOLVED);
});
