// SPDX-License-Identifier: Apache-2.0
import type { Finished } from '../lab/namespace.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { makeBundlesAndBase } from './built-once.ts';
import { composeCommandOf } from './compose-project.ts';

/** A demo that a compose file tells as a story, by the engine of this host. */
export interface ComposeDemo {
  readonly baseImage: string;
  /** Makes what it is built of; nothing of an earlier run is left. */
  prepare(): Promise<void>;
  /** Builds its images. */
  build(): Promise<void>;
  /** Runs it until its story has ended. @param options further ones of `up` */
  tell(...options: readonly string[]): Promise<Finished>;
  /** Takes away its containers, networks, volumes and images. */
  remove(): Promise<void>;
}

/**
 * @param file beside the other compose files
 * @param name by which its project and its images differ from those of others, such as a demo that runs on this machine
 * @param environment of the file: subnets and ports of its own
 */
export function createComposeDemo(
  file: string,
  name: string,
  environment: Readonly<Record<string, string>>,
): ComposeDemo {
  const project = `local-datastore-e2e-${name}`;
  const imageTag = `e2e-${name}`;
  const baseImage = `local-datastore/node-base:${imageTag}`;
  const variables = {
    ...{ BASE_IMAGE: baseImage, IMAGE_TAG: imageTag },
    // What the story speaks to is what speaks to it here.
    DOCKER_SOCKET: process.env.DOCKER_HOST?.replace(/^unix:\/\//, '') ?? '/var/run/docker.sock',
    ...environment,
  };
  const images = ['demo', 'datastore-app', 'eve-agent', 'node-base'].map(
    (each) => `local-datastore/${each}:${imageTag}`,
  );
  const compose = (...args: readonly string[]) => composeCommandOf(file, project, ...args);
  const removeProject = () =>
    runProgram(compose('down', '--volumes', '--remove-orphans', '--timeout', '1'), variables);

  return {
    baseImage,
    async prepare() {
      await removeProject();
      await makeBundlesAndBase(baseImage);
    },
    async build() {
      await mustRunProgram(compose('build'), variables);
    },
    tell: (...options) =>
      runProgram(
        compose('up', ...options, '--abort-on-container-exit', '--exit-code-from', 'story'),
        variables,
      ),
    async remove() {
      await removeProject();
      await runProgram(['docker', 'image', 'rm', '--force', ...images]);
    },
  };
}
