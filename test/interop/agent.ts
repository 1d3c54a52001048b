// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { partialPaths } from '../../eve-agent/src/content/partial-file.ts';
import { finish, type Namespace } from '../lab/namespace.ts';
import { readAgentJson } from '../lab/printed-json.ts';
import { eveAgent } from '../lab/programs.ts';

/** What `eve-agent resolve --json` prints. */
export interface ResolvedDocument {
  readonly host: string;
  readonly address: string;
  readonly bridge: string;
  readonly sourceAddress: string;
  readonly url: string;
}

/** What `eve-agent browse --json` prints. */
export interface BrowsedDocument {
  readonly instances: readonly {
    readonly bridge: string;
    readonly instanceName: string;
    readonly service: string;
    readonly hostName: string;
    readonly addresses: readonly string[];
    readonly port: number;
  }[];
}

/** What `eve-agent download --json` prints. */
export interface DownloadedDocument {
  readonly resolvedUrl: string;
  readonly bridge: string;
  readonly sourceAddress: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly verifiedAgainst: string | null;
  readonly resumedFromBytes: number;
  readonly receivedBytes: number;
}

/** Runs the agent on the host, which must succeed. */
export async function agentJson<T>(host: Namespace, ...args: readonly string[]): Promise<T> {
  return readAgentJson(args, await host.mustRun(eveAgent(...args, '--json'))) as T;
}

/** How many bytes of a file that is not whole yet are stored beside it. */
export async function storedBytesOf(target: string): Promise<number> {
  try {
    return (await stat(partialPaths(target).file)).size;
  } catch {
    return 0;
  }
}

const POLL_MS = 10;

async function waitForBytes(child: ChildProcess, target: string, wantedBytes: number): Promise<void> {
  while (child.exitCode === null && (await storedBytesOf(target)) < wantedBytes) await delay(POLL_MS);
}

/**
 * Starts a download and ends it with SIGKILL as soon as some of the file is stored.
 *
 * @returns how many bytes are stored
 * @throws when the download ended by itself
 */
export async function killDownloadMidway(
  host: Namespace,
  {
    url,
    target,
    output = target,
    afterBytes,
    more = [],
  }: {
    readonly url: string;
    readonly target: string;
    /** Where it is told to write, if that is not the file itself. */
    readonly output?: string;
    readonly afterBytes: number;
    /** Further arguments. */
    readonly more?: readonly string[];
  },
): Promise<number> {
  const child = host.start(eveAgent('download', url, '-o', output, ...more));
  const finished = finish(child);
  await waitForBytes(child, target, afterBytes);
  child.kill('SIGKILL');
  const { exitCode, stdout, stderr } = await finished;
  if (exitCode !== 137) throw new Error(`the download ended with ${exitCode}: ${stderr}${stdout}`);
  return await storedBytesOf(target);
}
