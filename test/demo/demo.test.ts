import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finish } from '../lab/namespace.ts';
import { describeWith } from '../requirements.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Processes whose command line names a path. */
async function processesNaming(path: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commandLines = await Promise.all(
    // One that has ended meanwhile has no command line any more.
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commandLines.filter((commandLine) => commandLine.includes(path));
}

describeWith(['lab'], 'npm run demo', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'demo-test-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const startDemo = (): ChildProcess =>
    spawn(process.execPath, [MAIN], {
      env: { ...process.env, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function expectNothingLeft(): Promise<void> {
    expect(await readdir(directory)).toEqual([]);
    expect(await processesNaming(directory)).toEqual([]);
  }

  test('shows two verified downloads from two addresses, and leaves nothing behind', async () => {
    const { stdout, stderr, exitCode } = await finish(startDemo());
    expect(stderr).not.toContain('The demo failed');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('datastore.local answered on bridge bn1: it is at 10.1.0.5');
    expect(stdout).toContain('datastore.local answered on bridge bn1: it is at 10.1.0.77');
    expect(stdout).toMatch(/bn2 .*other-app/);
    expect(stdout.match(/The agent will connect from 10\.1\.0\.1, the bridge's own address/g)).toHaveLength(
      2,
    );
    expect(stdout.match(/the digest is the one that was asked for/g)).toHaveLength(2);
    await expectNothingLeft();
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stopped by %s in the middle it cleans up and ends with %i', async (signal, expected) => {
    const demo = startDemo();
    const ended = once(demo, 'close');
    let shown = '';
    for await (const chunk of demo.stdout ?? []) {
      shown += chunk;
      if (shown.includes('The agent on the host listens')) demo.kill(signal);
    }
    const [exitCode] = await ended;
    expect(exitCode).toBe(expected);
    expect(shown).not.toContain('That is all');
    await expectNothingLeft();
  });
});
