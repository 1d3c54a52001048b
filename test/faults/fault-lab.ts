// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type ProgressLine, progressLineSchema } from '../../eve-agent/src/cli/progress-line.ts';
import { makeImage, sha256Of } from '../integration/image-server.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { datastoreApp, eveAgent } from '../lab/programs.ts';

/** What the agent prints to standard error with `--json`. */
export type AgentEvent = ProgressLine;

/** What the agent prints to standard output when it is done. */
export interface DownloadDocument {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly resolvedUrl: string;
  readonly verifiedAgainst: string | null;
  readonly resumedFromBytes: number;
  readonly receivedBytes: number;
  readonly attempts: number;
}

/** An `eve-agent download --json` that runs. */
export interface AgentRun {
  readonly child: ChildProcess;
  readonly events: readonly AgentEvent[];
  /** The first event that fits, from the given index of `events` on; null: the program ended without it. */
  seen(fits: (event: AgentEvent) => boolean, from?: number): Promise<AgentEvent | null>;
  /** The exit code, or null when it was killed. */
  readonly ended: Promise<number | null>;
  stdout(): Promise<string>;
  stderr(): string;
  kill(): Promise<void>;
}

const publishedLine = progressLineSchema();

/** Reads what a download prints, from its first line. */
export function watchAgent(child: ChildProcess): AgentRun {
  const events: AgentEvent[] = [];
  let stderr = '';
  let isOver = false;
  const looks = new Set<() => void>();
  const lookAll = () => {
    for (const look of [...looks]) look();
  };
  if (child.stdout === null || child.stderr === null) throw new Error('the agent was started without pipes');
  const stdout = text(child.stdout);
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`;
    if (line.startsWith('{"event"')) events.push(publishedLine.parse(JSON.parse(line)));
    lookAll();
  });
  const ended = once(child, 'close').then(([exitCode]) => {
    isOver = true;
    lookAll();
    return exitCode as number | null;
  });
  return {
    child,
    events,
    seen: (fits, from = 0) =>
      new Promise((resolve) => {
        const look = () => {
          const found = events.slice(from).find(fits);
          if (found === undefined && !isOver) return;
          looks.delete(look);
          resolve(found ?? null);
        };
        looks.add(look);
        look();
      }),
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A datastore that may not be ready yet. */
export interface RunningDatastore {
  log(): string;
  /** Resolves when it has seen its own answer on the wire, or has ended. */
  readonly ready: Promise<void>;
  kill(): Promise<void>;
}

export interface FaultLabOptions {
  readonly imageBytes: number;
  /** Of what the datastore sends, such as `40mbit`; absent: as fast as the machine. */
  readonly rate?: string;
}

/** A device with one bridge, a datastore on it, and a place to download to. */
export interface FaultLab {
  readonly lab: Lab;
  readonly app: App;
  readonly image: Buffer;
  readonly sha256: string;
  /** The file that is served. */
  readonly source: string;
  /** The directory that is downloaded to, and the file in it. */
  readonly out: string;
  readonly target: string;
  /** Starts the real datastore from its sources. */
  startDatastore(): RunningDatastore;
  /** Starts the real agent from its sources: `download URL --json` with more arguments. */
  startDownload(...args: readonly string[]): AgentRun;
  setRate(rate: string): Promise<void>;
  /** Bytes that came from the datastore's interface since the lab was made, with all headers. */
  wireBytes(): Promise<number>;
  /** Bytes of the partial file; 0 without. */
  partialBytes(): Promise<number>;
  /** Whether the target is there. @throws when it is there and not whole */
  isInPlace(): Promise<boolean>;
  /** The names of all files in the directory of the target. */
  leftOver(): Promise<string[]>;
  stop(): Promise<void>;
}

export const ADDRESS = '10.1.0.5/24';
const IMAGE_NAME = 'image.img';

export async function createFaultLab({ imageBytes, rate }: FaultLabOptions): Promise<FaultLab> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const [root, state, out] = ['root', 'state', 'out'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(root);
  await mkdir(out);
  const image = makeImage(imageBytes);
  const sha256 = sha256Of(image);
  const source = join(root, IMAGE_NAME);
  const target = join(out, IMAGE_NAME);
  await writeFile(source, image);
  const lab = await createLab();
  await lab.addBridge('bn1', '10.1.0.1/24');
  const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: ADDRESS });
  const setRate = async (next: string) => {
    const shape = ['tbf', 'rate', next, 'burst', '64kb', 'latency', '400ms'];
    await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...shape]);
  };
  if (rate !== undefined) await setRate(rate);

  return {
    lab,
    app,
    image,
    sha256,
    source,
    out,
    target,
    setRate,
    startDatastore() {
      const args = ['--root', root, '--state', state, '--host-name', 'ds'];
      const child = app.start(datastoreApp('serve', ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
      let log = '';
      const ended = once(child, 'exit');
      const ready = new Promise<void>((resolve) => {
        child.stderr?.on('data', (bytes) => {
          log += bytes;
          if (log.includes('our own answer was seen')) resolve();
        });
        void ended.then(() => resolve());
      });
      return {
        log: () => log,
        ready,
        async kill() {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
    startDownload: (...args) =>
      watchAgent(
        lab.host.start(
          eveAgent('download', `http://ds.local/${IMAGE_NAME}`, '-o', target, '--json', ...args),
        ),
      ),
    async wireBytes() {
      const [link] = JSON.parse(await lab.host.mustRun(['ip', '-json', '-stats', 'link', 'show', 'veth-ds']));
      return link.stats64.rx.bytes as number;
    },
    partialBytes: async () => (await stat(join(out, `.${IMAGE_NAME}.partial`)).catch(() => null))?.size ?? 0,
    async isInPlace() {
      const bytes = await readFile(target).catch(() => null);
      if (bytes === null) return false;
      if (sha256Of(bytes) !== sha256) throw new Error(`the target holds ${bytes.length} wrong bytes`);
      return true;
    },
    leftOver: () => readdir(out),
    async stop() {
      await lab.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Prints what a test did and what came of it, for people and for the manual. */
export function report(what: string, counts: Readonly<Record<string, unknown>>): void {
  process.stderr.write(`${what}: ${JSON.stringify(counts)}\n`);
}
