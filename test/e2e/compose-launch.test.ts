// SPDX-License-Identifier: Apache-2.0
/** The demo of a launch, as its manual has it: one command, by the engine of this host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { createComposeDemo } from './compose-demo.ts';

const demo = createComposeDemo('launch.yaml', 'launch', {
  BN1_BRIDGE: 'bn75',
  BN1_SUBNET: '10.72.5.0/24',
  BN2_BRIDGE: 'bn76',
  BN2_SUBNET: '10.72.6.0/24',
  BN2_GATEWAY: '10.72.6.1',
  APP_PORT: '8976',
});
const BUILD_TIMEOUT_MS = 600_000;

const ours = async (command: 'ps' | 'images' | 'network', ...args: readonly string[]) =>
  (await mustRunProgram(['docker', command, ...args])).split('\n').filter((line) => line.includes('eve_'));

describeWith(['root', 'docker'], 'the demo of a launch', () => {
  beforeAll(async () => {
    await demo.prepare();
    await demo.build();
  }, BUILD_TIMEOUT_MS);
  afterAll(() => demo.remove());

  test(
    'an application is found, verified, launched, updated, and kept from a broken update',
    async () => {
      const { stdout, stderr, exitCode } = await demo.tell();
      expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
      const lines = stdout.split('\n');
      const indexOf = (text: string) => lines.findIndex((line) => line.includes(text));
      const told = [
        'datastore.local was found at 10.72.5.',
        'pushed datastore.local/team/web:3, sha256:',
        'version 1 answers',
        'version 2 answers',
        'answers of version 2, 0 failed',
        'updated, kept from a broken update, removed. Done.',
      ].map(indexOf);
      expect(told).not.toContain(-1);
      expect(told).toEqual([...told].sort((a, b) => a - b));
      expect(stdout).toMatch(/Seen on the way: .*RUNNING/);
      expect(stdout).toContain('it answers 503');
      // The engine is left as it was.
      expect(await ours('ps', '--all', '--format', '{{.Names}}')).toEqual([]);
      expect(await ours('images', '--format', '{{.Repository}}')).toEqual([]);
    },
    BUILD_TIMEOUT_MS,
  );

  test(
    'does nothing where the engine has applications of another agent',
    async () => {
      const other = ['--name', 'eve_other', '--label', 'io.local-datastore.deployment=other'];
      const sleep = ['-e', 'setInterval(() => {}, 1000)'];
      await mustRunProgram([
        ...['docker', 'run', '--detach', '--network', 'none', ...other],
        ...[demo.baseImage, 'node', ...sleep],
      ]);
      try {
        const { stdout, exitCode } = await demo.tell();
        expect([exitCode, stdout]).toEqual([
          1,
          expect.stringContaining('applications of another agent (eve_other)'),
        ]);
        expect(await ours('ps', '--format', '{{.Names}}')).toEqual(['eve_other']);
      } finally {
        await runProgram(['docker', 'rm', '--force', 'eve_other']);
      }
    },
    BUILD_TIMEOUT_MS,
  );
});
