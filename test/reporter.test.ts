// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { finish } from './lab/namespace.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'reporter-fixtures');
const reporter = fileURLToPath(new URL('./reporter.ts', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));

/** Runs vitest on fixture files with the default reporter and ours. */
async function runFixtures(files: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const reporters = ['--reporter=default', `--reporter=${reporter}`];
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--root', folder, '--config', 'vitest.fixtures.config.ts', ...reporters, ...files],
    { env: { ...process.env, PATH: '/nowhere', CI: '', VITEST: '', ...environment }, timeout: 600_000 },
  );
  const { stdout, exitCode } = await finish(child);
  const lines = stdout.trimEnd().split('\n');
  return { lines, lastLine: lines.at(-1), exitCode };
}

/** Each of them starts a program, and they share nothing. */
describe.concurrent('the closing report', () => {
  test('skipped suites are listed once with their reason, and the counts stand on the last line', async ({
    expect,
  }) => {
    const { lines, lastLine, exitCode } = await runFixtures(['mixed']);
    expect(lines.slice(lines.indexOf('Skipped on this machine:'))).toEqual([
      'Skipped on this machine:',
      '  says why it does not run',
      '    the moon is not full',
      '  needs what the search path lacks',
      '    no Chromium found: install the package chromium',
      '1 passed, 0 failed, 3 skipped',
    ]);
    expect(lastLine).toBe('1 passed, 0 failed, 3 skipped');
    expect(exitCode).toBe(0);
  });

  test('under CI a suite that cannot run has failed', async ({ expect }) => {
    const { lastLine, exitCode } = await runFixtures(['mixed'], { CI: 'true' });
    expect(lastLine).toBe('1 passed, 1 failed, 1 skipped');
    expect(exitCode).toBe(1);
  });

  test('failed tests, failed hooks and the tests that these prevented count', async ({ expect }) => {
    const { lastLine, exitCode } = await runFixtures(['failing']);
    expect(lastLine).toBe('2 passed, 4 failed');
    expect(exitCode).toBe(1);
  });

  test('a file that cannot be loaded is a failure', async ({ expect }) => {
    const { lastLine, exitCode } = await runFixtures(['mixed', 'broken-import']);
    expect(lastLine).toBe('1 passed, 1 failed, 3 skipped');
    expect(exitCode).toBe(1);
  });

  test('an error outside any test is a failure', async ({ expect }) => {
    const { lastLine, exitCode } = await runFixtures(['unhandled']);
    expect(lastLine).toBe('1 passed, 1 failed');
    expect(exitCode).toBe(1);
  });

  test('a run that finds no test is a failure', async ({ expect }) => {
    const { lastLine, exitCode } = await runFixtures(['no-such-file']);
    expect(lastLine).toBe('0 passed, 1 failed');
    expect(exitCode).toBe(1);
  });
});
