// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ContainerRuntimeClient,
  DockerComposeEnvironment,
  getContainerRuntimeClient,
  type StartedDockerComposeEnvironment,
  Wait,
} from 'testcontainers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { makeBundlesAndBase } from './built-once.ts';
import { COMPOSE_FILE, COMPOSE_FOLDER, composeCommand, IS_STANDALONE } from './compose-project.ts';

const PROJECT = 'local-datastore-e2e';
const COMMAND_PROJECT = `${PROJECT}-command`;
/** Names and subnets of its own, so that a demo which runs on this machine meanwhile is left alone. */
const ENVIRONMENT = {
  BASE_IMAGE: 'local-datastore/node-base:e2e',
  IMAGE_TAG: 'e2e',
  BN1_BRIDGE: 'bn71',
  BN1_SUBNET: '10.72.1.0/24',
  BN2_BRIDGE: 'bn72',
  BN2_SUBNET: '10.72.2.0/24',
};
const IMAGES = ['demo', 'datastore-app', 'eve-agent', 'node-base'].map(
  (name) => `local-datastore/${name}:e2e`,
);
const BUILD_TIMEOUT_MS = 600_000;

/** What a program in a container reads about itself and its image, as `docker exec` of Node sees it. */
const LOOK_INSIDE = `
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const status = Object.fromEntries(
  readFileSync('/proc/1/status', 'utf8').split('\\n').map((line) => line.split(/:\\s*/)),
);
const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
console.log(JSON.stringify({
  uid: status.Uid.split('\\t')[0],
  effectiveCapabilities: status.CapEff,
  boundingCapabilities: status.CapBnd,
  noNewPrivileges: status.NoNewPrivs,
  imageSha256: sha256('/var/lib/datastore/images/edge-app.raw'),
}));`;

const nameOf = (service: string) =>
  `${PROJECT}${IS_STANDALONE ? '_' : '-'}${service}${IS_STANDALONE ? '_' : '-'}1`;

const removeProject = (project: string) =>
  runProgram(composeCommand(project, 'down', '--volumes', '--remove-orphans', '--timeout', '1'), ENVIRONMENT);

describeWith(['root', 'docker'], 'the demo with containers', () => {
  beforeAll(async () => {
    for (const project of [PROJECT, COMMAND_PROJECT]) await removeProject(project);
    await makeBundlesAndBase(ENVIRONMENT.BASE_IMAGE);
    await mustRunProgram(composeCommand(PROJECT, 'build'), ENVIRONMENT);
  }, BUILD_TIMEOUT_MS);

  afterAll(() => runProgram(['docker', 'image', 'rm', '--force', ...IMAGES]), 60_000);

  describe('while it runs', () => {
    let client: ContainerRuntimeClient;
    let environment: StartedDockerComposeEnvironment;
    const container = (service: string) => client.container.dockerode.getContainer(nameOf(service));

    beforeAll(async () => {
      // Its reaper is an image of its own, which not every machine can pull: afterAll removes the project.
      process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
      client = await getContainerRuntimeClient();
      const compose = new DockerComposeEnvironment(COMPOSE_FOLDER, COMPOSE_FILE)
        .withProjectName(PROJECT)
        .withEnvironment(ENVIRONMENT)
        .withStartupTimeout(BUILD_TIMEOUT_MS)
        // testcontainers 12.2.0 takes the project's name off a container's only where "-" joins them.
        .withWaitStrategy(IS_STANDALONE ? nameOf('agent') : 'agent-1', Wait.forOneShotStartup());
      if (IS_STANDALONE) {
        compose.withClientOptions({ executable: { standalone: true, executablePath: 'docker-compose' } });
      }
      environment = await compose.up();
    }, BUILD_TIMEOUT_MS);

    afterAll(async () => {
      await environment?.down({ removeVolumes: true, timeout: 1000 });
      await removeProject(PROJECT);
    });

    /** Waits until the agent's container has ended; what it wrote in this run, without colours. */
    async function agentEnd(sinceSeconds = 0) {
      const { StatusCode: exitCode } = await container('agent').wait();
      const log = await container('agent').logs({ stdout: true, stderr: true, since: sinceSeconds });
      return { exitCode, log: log.toString('utf8') };
    }

    async function lookInside() {
      return JSON.parse(
        await mustRunProgram(['docker', 'exec', nameOf('datastore'), 'node', '-e', LOOK_INSIDE]),
      );
    }

    test('the agent finds the datastore on its bridge, downloads and verifies', async () => {
      const { exitCode, log } = await agentEnd();
      const { imageSha256 } = await lookInside();
      expect(log).toContain('datastore.local answered on bridge bn71');
      expect(log).toContain(`The agent will connect from 10.72.1.1, the bridge's own address`);
      expect(log).toContain(`sha256          ${imageSha256}`);
      expect(log).toMatch(/bn72 .*other-app/);
      expect(log).toMatch(/edge-app +VERIFIED +100 %/);
      expect(exitCode).toBe(0);
    });

    test('the programs run without root, without any capability, on a read-only root file system', async () => {
      expect(await lookInside()).toMatchObject({
        uid: '1000',
        effectiveCapabilities: '0000000000000000',
        boundingCapabilities: '0000000000000000',
        noNewPrivileges: '1',
      });
      for (const service of ['controller', 'datastore', 'other-app', 'agent']) {
        const { Config, HostConfig } = await container(service).inspect();
        expect({ service, user: Config.User, readOnly: HostConfig.ReadonlyRootfs }).toEqual({
          service,
          user: '1000:1000',
          readOnly: true,
        });
        expect(HostConfig.CapDrop).toEqual(['ALL']);
        expect(HostConfig.CapAdd ?? []).toEqual([]);
      }
    });

    test('the images add little to their base, and tell how to see that they work', async () => {
      const [demo, app, base] = await Promise.all(
        IMAGES.map((image) => client.container.dockerode.getImage(image).inspect()),
      );
      expect((app?.Size ?? 0) - (base?.Size ?? 0)).toBeLessThan(5e6);
      expect((demo?.Size ?? 0) - (base?.Size ?? 0)).toBeLessThan(5e6);
      expect(app?.Config.Healthcheck?.Test).toContain('node');
      expect(app?.Config.Volumes).toHaveProperty('/var/lib/datastore/images');
      expect(app?.Config.Volumes).toHaveProperty('/var/lib/datastore/state');
      expect(Object.keys(app?.Config.ExposedPorts ?? {})).toEqual(
        expect.arrayContaining(['80/tcp', '443/tcp']),
      );
    });

    test('a datastore that comes back with another address is found again', async () => {
      const network = client.container.dockerode.getNetwork(`${PROJECT}_bn1`);
      const datastore = container('datastore');
      const before = (await datastore.inspect()).NetworkSettings.Networks[`${PROJECT}_bn1`]?.IPAddress;
      await datastore.stop();
      await network.disconnect({ Container: nameOf('datastore') });
      await network.connect({
        Container: nameOf('datastore'),
        EndpointConfig: { IPAMConfig: { IPv4Address: '10.72.1.77' } },
      });
      await datastore.start();
      while ((await datastore.inspect()).State.Health?.Status !== 'healthy') await wait(100);

      const { State } = await container('agent').inspect();
      const sinceSeconds = Math.ceil(Date.parse(State.FinishedAt) / 1000);
      await container('agent').start();
      const { exitCode, log } = await agentEnd(sinceSeconds);
      expect(before).not.toBe('10.72.1.77');
      expect(log).toContain('datastore.local answered on bridge bn71: it is at 10.72.1.77');
      expect(log).toContain(`sha256          ${(await lookInside()).imageSha256}`);
      expect(exitCode).toBe(0);
    });

    test('a datastore that is stopped says goodbye and ends with 0', async () => {
      await container('datastore').stop();
      expect((await container('datastore').inspect()).State.ExitCode).toBe(0);
    });
  });

  describe('the command of the README', () => {
    afterAll(() => removeProject(COMMAND_PROJECT), 60_000);

    test(
      'docker compose up --build shows a verified download and ends with 0',
      async () => {
        const options = ['--build', '--abort-on-container-exit', '--exit-code-from', 'agent'];
        const command = composeCommand(COMMAND_PROJECT, 'up', ...options);
        const { stdout, stderr, exitCode } = await runProgram(command, ENVIRONMENT);
        expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
        expect(stdout).toContain('the digest is the one that was asked for');
      },
      BUILD_TIMEOUT_MS,
    );
  });
});
