/** The demo of a launch, as its manual has it: one command, by the engine of this host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { makeBundlesAndBase } from './built-once.ts';
import { composeCommandOf } from './compose-project.ts';

const FILE = 'launch.yaml';
const PROJECT = 'local-datastore-e2e-launch';
/** Names, subnets and a port of its own, so that a demo which runs on this machine meanwhile is left alone. */
const ENVIRONMENT = {
  BASE_IMAGE: 'local-datastore/node-base:e2e-launch',
  IMAGE_TAG: 'e2e-launch',
  BN1_BRIDGE: 'bn75',
  BN1_SUBNET: '10.72.5.0/24',
  BN2_BRIDGE: 'bn76',
  BN2_SUBNET: '10.72.6.0/24',
  BN2_GATEWAY: '10.72.6.1',
  APP_PORT: '8976',
  // What the story and the agent speak to is what speaks to them here.
  DOCKER_SOCKET: process.env.DOCKER_HOST?.replace(/^unix:\/\//, '') ?? '/var/run/docker.sock',
};
const IMAGES = ['demo', 'datastore-app', 'eve-agent', 'node-base'].map(
  (name) => `local-datastore/${name}:e2e-launch`,
);
const BUILD_TIMEOUT_MS = 600_000;

const compose = (...args: readonly string[]) => composeCommandOf(FILE, PROJECT, ...args);
const removeProject = () =>
  runProgram(compose('down', '--volumes', '--remove-orphans', '--timeout', '1'), ENVIRONMENT);
const ours = async (command: 'ps' | 'images' | 'network', ...args: readonly string[]) =>
  (await mustRunProgram(['docker', command, ...args])).split('\n').filter((line) => line.includes('eve_'));

describeWith(['root', 'docker'], 'the demo of a launch', () => {
  beforeAll(async () => {
    await removeProject();
    await makeBundlesAndBase(ENVIRONMENT.BASE_IMAGE);
    await mustRunProgram(compose('build'), ENVIRONMENT);
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await removeProject();
    await runProgram(['docker', 'image', 'rm', '--force', ...IMAGES]);
    await runProgram(['docker', 'image', 'prune', '--force', '--filter', 'label=local-datastore']);
  }, 60_000);

  test(
    'an application is found, verified, launched, updated, and kept from a broken update',
    async () => {
      const options = ['--abort-on-container-exit', '--exit-code-from', 'story'];
      const { stdout, stderr, exitCode } = await runProgram(compose('up', ...options), ENVIRONMENT);
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
        ...[ENVIRONMENT.BASE_IMAGE, 'node', ...sleep],
      ]);
      try {
        const options = ['--abort-on-container-exit', '--exit-code-from', 'story'];
        const { stdout, exitCode } = await runProgram(compose('up', ...options), ENVIRONMENT);
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
