/** The demo of container images, as its manual has it: one command, by the engine of this host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { makeBundlesAndBase } from './built-once.ts';
import { composeCommandOf } from './compose-project.ts';

const FILE = 'registry.yaml';
const PROJECT = 'local-datastore-e2e-registry';
const MIRROR_PORT = '5956';
const MIRROR = `127.0.0.1:${MIRROR_PORT}`;
/** Names, subnets and a port of its own, so that a demo which runs on this machine meanwhile is left alone. */
const ENVIRONMENT = {
  BASE_IMAGE: 'local-datastore/node-base:e2e-registry',
  IMAGE_TAG: 'e2e-registry',
  BN1_BRIDGE: 'bn73',
  BN1_SUBNET: '10.72.3.0/24',
  BN2_BRIDGE: 'bn74',
  BN2_SUBNET: '10.72.4.0/24',
  MIRROR_PORT,
  // What the story speaks to is what speaks to it here.
  DOCKER_SOCKET: process.env.DOCKER_HOST?.replace(/^unix:\/\//, '') ?? '/var/run/docker.sock',
};
const IMAGES = ['demo', 'datastore-app', 'eve-agent', 'node-base'].map(
  (name) => `local-datastore/${name}:e2e-registry`,
);
const BUILD_TIMEOUT_MS = 400_000;

const compose = (...args: readonly string[]) => composeCommandOf(FILE, PROJECT, ...args);
const removeProject = () =>
  runProgram(compose('down', '--volumes', '--remove-orphans', '--timeout', '1'), ENVIRONMENT);

describeWith(['root', 'docker'], 'the demo of container images', () => {
  beforeAll(async () => {
    await removeProject();
    await makeBundlesAndBase(ENVIRONMENT.BASE_IMAGE);
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await removeProject();
    await runProgram(['docker', 'image', 'rm', '--force', ...IMAGES]);
    await runProgram(['docker', 'image', 'prune', '--force', '--filter', 'label=local-datastore']);
  }, 60_000);

  test(
    'agent and engine pull what was pushed, also when the upstream and then the datastore are cut off',
    async () => {
      const options = ['--build', '--abort-on-container-exit', '--exit-code-from', 'story'];
      const { stdout, stderr, exitCode } = await runProgram(compose('up', ...options), ENVIRONMENT);
      expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
      const told = (text: string) => stdout.split('\n').filter((line) => line.includes(text)).length;
      const [app, tool] = ['datastore.local/team/app:1', 'datastore.local/outside/team/tool:1'];
      expect(told(`docker pull ${MIRROR}/${app}: the image that was pushed`)).toBe(2);
      expect(told(`docker pull ${MIRROR}/${tool}: the image that was pushed`)).toBe(2);
      expect(told(`eve-agent download docker://${app}: the image that was pushed`)).toBe(1);
      expect(told(`eve-agent download docker://${tool}: the image that was pushed`)).toBe(1);
      expect(told('nobody answers: a tag as it was')).toBe(2);
      // The engine is left as it was.
      const left = await mustRunProgram(['docker', 'image', 'ls', '--format', '{{.Repository}}']);
      expect(left).not.toContain(MIRROR);
    },
    BUILD_TIMEOUT_MS,
  );
});
