// SPDX-License-Identifier: Apache-2.0
/** `eve-agent run` on the host of a lab, with a configuration and a state of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { expect } from 'vitest';
import { sha256Of } from '../integration/image-server.ts';
import type { Lab } from './lab.ts';
import { eveAgent, waitForLog } from './programs.ts';

/** The datastore `ds.local`, as the configuration names it. */
export const LOCAL = 'fa78153c-e215-4397-bfa7-514264cdf4dd';

export const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** A content tree of a file of that datastore. */
export const treeOf = (number: number, url: string, image: Buffer, more: object = {}) => ({
  ...{ uuid: uuidOf(number), dsIdsList: [LOCAL], URL: url, iformat: 'RAW', sha256: sha256Of(image) },
  ...{ maxSizeBytes: String(image.length), displayName: `image-${number}` },
  ...more,
});

export interface ServiceAgent {
  readonly state: string;
  readonly config: string;
  /** The process that was started last. */
  child(): ChildProcess | undefined;
  /** Of that one. */
  log(): string;
  /** Replaces the configuration as controllers do: by a rename. */
  configure(trees: readonly object[], datastores?: readonly object[]): Promise<void>;
  start(...args: string[]): Promise<void>;
  /** @returns its exit code; null: the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null | undefined>;
  statusOf(number: number): Promise<Partial<ContentTreeStatus>>;
  expectState(number: number, expected: Partial<ContentTreeStatus>): Promise<void>;
}

/** @param folder in which it gets a state of its own */
export async function createServiceAgent(lab: Lab, folder: string): Promise<ServiceAgent> {
  const state = await mkdtemp(join(folder, 'agent-'));
  const config = join(state, 'device.json');
  let agent: ChildProcess | undefined;
  let agentLog = () => '';

  async function statusOf(number: number): Promise<Partial<ContentTreeStatus>> {
    const file = join(state, 'status', 'ContentTreeStatus', `${uuidOf(number)}.json`);
    return JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as ContentTreeStatus;
  }
  return {
    state,
    config,
    child: () => agent,
    log: () => agentLog(),
    async configure(trees, datastores) {
      const document = {
        datastores: datastores ?? [{ id: LOCAL, dType: 'DsHttp', fqdn: 'http://ds.local', dpath: 'images' }],
        contentInfo: trees,
      };
      await writeFile(`${config}.new`, JSON.stringify(document));
      await rename(`${config}.new`, config);
    },
    async start(...args) {
      const command = eveAgent('run', '--config', config, '--state', state, '--reserve', '0', ...args);
      const child = lab.host.start(command, { stdio: ['ignore', 'ignore', 'pipe'] });
      agent = child;
      const { log, seen } = waitForLog(child, '"running"');
      agentLog = log;
      await seen;
    },
    async end(signal) {
      if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return agent?.exitCode;
      const ended = once(agent, 'exit');
      agent.kill(signal);
      return (await ended)[0] as number | null;
    },
    statusOf,
    expectState: (number, expected) => expect.poll(() => statusOf(number)).toMatchObject(expected),
  };
}
