// SPDX-License-Identifier: Apache-2.0
/** The demo of container images, as its manual has it: one command, by the engine of this host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustRunProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { createComposeDemo } from './compose-demo.ts';

const MIRROR_PORT = '5956';
const MIRROR = `127.0.0.1:${MIRROR_PORT}`;
const demo = createComposeDemo('registry.yaml', 'registry', {
  BN1_BRIDGE: 'bn73',
  BN1_SUBNET: '10.72.3.0/24',
  BN2_BRIDGE: 'bn74',
  BN2_SUBNET: '10.72.4.0/24',
  MIRROR_PORT,
});
const BUILD_TIMEOUT_MS = 600_000;

describeWith(['root', 'docker'], 'the demo of container images', () => {
  beforeAll(() => demo.prepare(), BUILD_TIMEOUT_MS);
  afterAll(() => demo.remove());

  test(
    'agent and engine pull what was pushed, also when the upstream and then the datastore are cut off',
    async () => {
      const { stdout, stderr, exitCode } = await demo.tell('--build');
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
