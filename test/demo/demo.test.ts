// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finish } from '../lab/namespace.ts';
import { describeWith } from '../requirements.ts';
import { leftIn, startDemo } from './start-demo.ts';

describeWith(['lab'], 'npm run demo', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'demo-test-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const start = () => startDemo(directory);
  const expectNothingLeft = async () => expect(await leftIn(directory)).toEqual([]);

  test('shows two verified downloads from two addresses, and leaves nothing behind', async () => {
    const { stdout, stderr, exitCode } = await finish(start());
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
    const demo = start();
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
