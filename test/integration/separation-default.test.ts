// SPDX-License-Identifier: Apache-2.0
/**
 * `eve-agent run` without a word about separation, on hosts that let a process be confined, and on those that do not; and
 * what the doctor says of it before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { finish } from '../lab/namespace.ts';
import { eveAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { readDiagnosis } from './doctor-runs.ts';

/** Without /proc nothing can be confined. */
const WITHOUT_PROC = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];

interface Case {
  readonly host: string;
  readonly prefix: readonly string[];
  readonly args: readonly string[];
}
const ORDINARY = { host: 'a host', prefix: [] };
const CONFINES_NOTHING = { host: 'a host that confines nothing', prefix: WITHOUT_PROC };

describeWith(['root'], 'an agent', () => {
  let state: string;
  let child: ChildProcess | undefined;

  const { EVE_AGENT_NO_SEPARATION: _off, EVE_AGENT_SEPARATION: _on, ...env } = process.env;
  const run = (...command: readonly string[]) =>
    spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const start = ({ prefix, args }: Case) => {
    child = run(...prefix, ...eveAgent('run', '--state', state, ...args));
    return child;
  };

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'separation-'));
  });
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await rm(state, { recursive: true, force: true });
  });

  it.each<[string, Case, RegExp]>([
    ['separates', { ...ORDINARY, args: [] }, /^Process net \(pid \d+\) runs: no capabilities/m],
    [
      'is one process with --no-separation',
      { ...ORDINARY, args: ['--no-separation'] },
      /^One process does it all, without separation: it is turned off$/m,
    ],
    [
      'goes on in one process, and says so, on a host that confines nothing',
      { ...CONFINES_NOTHING, args: [] },
      /^One process does it all, without separation: \/proc\/self\/status cannot be read/m,
    ],
  ])('%s', async (_title, started, expected) => {
    const agent = start(started);
    const { log, seen } = waitForLog(agent, '"running"');
    await seen;
    const shown = async () => (await finish(run(...eveAgent('status', '--state', state)))).stdout;
    await expect.poll(shown).toMatch(expected);
    const isWarned = log().includes('datastores and registries are spoken to by the process of the agent');
    expect(isWarned).toBe(started.prefix.length > 0);
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it.each<[string, Case, { exitCode: number; verdict: string; facts: object }]>([
    [
      'with all layers',
      { ...ORDINARY, args: [] },
      { exitCode: 0, verdict: 'ok', facts: { isSeparated: true, missing: [] } },
    ],
    [
      'none, with a warning, on a host that confines nothing',
      { ...CONFINES_NOTHING, args: [] },
      { exitCode: 0, verdict: 'warning', facts: { isSeparated: false } },
    ],
    [
      'none, and no service, where --separation asks for it',
      { ...CONFINES_NOTHING, args: ['--separation'] },
      { exitCode: 2, verdict: 'problem', facts: { isSeparated: false } },
    ],
  ])('has a process of its own by the doctor: %s', async (_title, { prefix, args }, expected) => {
    child = run(...prefix, ...eveAgent('doctor', '--json', ...args));
    const { exitCode, stdout, stderr } = await finish(child);
    const { checks } = readDiagnosis(stdout, exitCode ?? -1).document;
    expect({ exitCode, stderr, checks }).toMatchObject({
      ...{ exitCode: expected.exitCode, stderr: '' },
      checks: [{ id: 'separation', verdict: expected.verdict, facts: expected.facts }],
    });
  });

  it('does not start on a host that confines nothing where --separation asks for it', async () => {
    const { exitCode, stderr } = await finish(start({ ...CONFINES_NOTHING, args: ['--separation'] }));
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('no process without rights can be had here'),
    ]);
  });
});
