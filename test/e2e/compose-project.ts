// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { WORKSPACE } from '../lab/run-program.ts';

export const COMPOSE_FILE = 'compose.yaml';
export const COMPOSE_FOLDER = `${WORKSPACE}compose`;

/** Debian's docker-compose 1.29 where it is installed, as it is the pickier one; else the plugin of version 2. */
export const IS_STANDALONE = spawnSync('docker-compose', ['version']).status === 0;

/** The command line of a compose project of one of our files. */
export function composeCommandOf(file: string, project: string, ...args: readonly string[]): string[] {
  const program = IS_STANDALONE ? ['docker-compose'] : ['docker', 'compose'];
  return [...program, '--project-name', project, '--file', `${COMPOSE_FOLDER}/${file}`, ...args];
}

/** The same of the first demo. */
export const composeCommand = (project: string, ...args: readonly string[]): string[] =>
  composeCommandOf(COMPOSE_FILE, project, ...args);
