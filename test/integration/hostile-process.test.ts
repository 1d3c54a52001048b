// SPDX-License-Identifier: Apache-2.0
/** `run --separation` with another program in place of the one that speaks to the network: nothing wrong is published. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { startDatastore, waitForLog } from '../lab/programs.ts';
import { type ReplacedCalf, replaceCalf } from '../lab/replaced-calf.ts';
import { LOCAL, treeOf, uuidOf } from '../lab/service-agent.ts';
import { askSocket } from '../lab/socket-request.ts';
import { describeWith } from '../requirements.ts';
import { makeImage } from './image-server.ts';
import {
  BRIDGE,
  FIRST_ASK,
  FLOODS_ARE_OVER,
  LIES,
  LIES_ARE_TOLD,
  type Lie,
  NEIGHBOUR,
  TARGET_LIES,
} from './lies.ts';

const LYING = 'test/integration/programs/lying-calf.ts';
const GARBAGE = 'test/integration/programs/garbage-calf.ts';
const MEBIBYTE = 1024 * 1024;
/** Of the store 32 MiB, as much for answers, and what is collected late. */
const MORE_MEMORY_BYTES = 256 * MEBIBYTE;

interface AuditLine {
  readonly actor: string;
  readonly op: string;
  readonly path: string;
  readonly verdict: string;
}
interface Process {
  readonly pid: number | null;
  readonly state: string;
  readonly restarts: number;
}

describeWith(['lab'], 'an agent whose process for the network was taken over', () => {
  const image = makeImage(300_000);
  let folder: string;
  let state: string;
  let lab: Lab;
  let bundle: ReplacedCalf;
  let agent: ChildProcess;
  let log: () => string;

  const audited = async (): Promise<AuditLine[]> => {
    const files = (await readdir(join(state, 'audit'))).filter((name) => name.endsWith('.jsonl')).sort();
    const texts = await Promise.all(files.map((name) => readFile(join(state, 'audit', name), 'utf8')));
    const lines = texts.join('').split('\n').filter(Boolean);
    // The last one may be on its way.
    return lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as AuditLine] : []));
  };
  const isAudited = async (wanted: Partial<AuditLine>) =>
    (await audited()).some((line) =>
      Object.entries(wanted).every(([field, value]) => line[field as keyof AuditLine] === value),
    );
  const processNow = async () => {
    const status = await askSocket(join(state, 'agent.sock'), '/v1/status');
    return (status as { processes: Process[] }).processes[0] as Process;
  };
  const stateOf = async () => {
    const file = join(state, 'status', 'ContentTreeStatus', `${uuidOf(1)}.json`);
    return (JSON.parse(await readFile(file, 'utf8')) as { State: string }).State;
  };
  const peakBytes = async () =>
    Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) * 1024;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hostile-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'a.img'), image);
    bundle = await replaceCalf('net', [LYING, GARBAGE]);
    lab = await createLab();
    await lab.addBridge('bn1', `${BRIDGE}/24`);
    const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${NEIGHBOUR}/24` });
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    await startDatastore(app, args);
  });
  afterAll(async () => {
    await lab?.stop();
    await bundle?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    state = await mkdtemp(join(folder, 'agent-'));
    const config = join(state, 'device.json');
    const document = {
      datastores: [{ id: LOCAL, dType: 'DsHttp', fqdn: 'http://ds.local', dpath: 'images' }],
      contentInfo: [treeOf(1, 'a.img', image)],
    };
    await writeFile(`${config}.new`, JSON.stringify(document));
    await rename(`${config}.new`, config);
    const args = ['--separation', '--config', config, '--state', state, '--reserve', '0'];
    agent = lab.host.start(bundle.command('run', ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
    const watched = waitForLog(agent, '"running"');
    ({ log } = watched);
    await watched.seen;
  }
  /** The right program takes over, and does what was to be done. */
  async function expectRecovery(): Promise<void> {
    expect(await stateOf()).not.toBe('VERIFIED');
    expect(await readdir(join(state, 'images')).catch(() => [])).toEqual([]);
    await bundle.becomeItself();
    const { pid } = await processNow();
    if (pid !== null) process.kill(pid, 'SIGKILL');
    // What failed so often is asked for again after a minute or more.
    await expect.poll(stateOf, { timeout: 600_000 }).toBe('VERIFIED');
    expect((await readFile(join(state, 'images', 'image-1'))).equals(image)).toBe(true);
    expect(await readdir(join(state, 'pending'))).toEqual([]);
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  }

  describe('by one that lies in every field', () => {
    let lines: AuditLine[];
    let before: number;
    beforeAll(async () => {
      await bundle.become(LYING);
      await start();
      before = await peakBytes();
      const isOver = () => {
        if (!log().includes(LIES_ARE_TOLD)) throw new Error(`lies are told yet: ${log()}`);
      };
      await vi.waitFor(isOver, { timeout: 600_000, interval: 200 });
      // Lines are on the disk soon after what they tell.
      const isWritten = async () => {
        lines = await audited();
        if (!lines.some(({ path, verdict }) => path === '/download' && verdict === 'DENIED'))
          throw new Error('the audit log is written yet');
      };
      await vi.waitFor(isWritten, { timeout: 600_000, interval: 500 });
    });
    const pathOf = ({ op, path }: Lie, index: number) => (op === 'ask' ? `/ask/${FIRST_ASK + index}` : path);

    it.each(
      [...LIES, TARGET_LIES.again, TARGET_LIES.resume].map((lie, index) => [lie.name, lie, index] as const),
    )('refuses %s', (_, lie, index) => {
      const found = lines.filter(
        ({ actor, op, path, verdict }) =>
          [actor, op, verdict].join() === ['net', lie.op, lie.verdict].join() &&
          path.replace(/[0-9a-f]{32}/, 'JOB') === pathOf(lie, index),
      );
      expect(found).not.toEqual([]);
    });

    it('does not believe that content is here', () => {
      expect(lines).toContainEqual(
        expect.objectContaining({ actor: 'net', op: 'write', path: '/download', verdict: 'DENIED' }),
      );
    });

    it('goes on within its limits when it is flooded, and downloads when that ends', async () => {
      await expect
        .poll(async () => log().includes(FLOODS_ARE_OVER) || (await processNow()).restarts > 0, {
          timeout: 600_000,
        })
        .toBe(true);
      expect((await peakBytes()) - before).toBeLessThan(MORE_MEMORY_BYTES);
      process.stderr.write(`taken over: ${((await peakBytes()) - before) / MEBIBYTE} MiB more\n`);
      await expectRecovery();
    });
  });

  it('ends one that writes noise to all it has, and goes on', async () => {
    await bundle.become(GARBAGE);
    await start();
    await expect.poll(async () => (await processNow()).restarts).toBeGreaterThan(1);
    expect(await isAudited({ actor: 'net', op: 'end', verdict: 'MALFORMED' })).toBe(true);
    await expectRecovery();
  });
});
