// SPDX-License-Identifier: Apache-2.0
/** The console of a VM on a real terminal: the program under `script`, before an agent whose VM is a table. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAppRoutes } from '../../eve-agent/src/api/app-routes.ts';
import { listen } from '../../eve-agent/src/api/listen.ts';
import { createRouter } from '../../eve-agent/src/api/router.ts';
import { appOf, createAppsScene, uuid } from '../../eve-agent/src/launch/apps/testing/apps-scene.ts';
import { silentLog } from '../../shared/src/log.ts';
import { systemClock } from '../../shared/src/system-clock.ts';
import { eveAgent } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
const VM = uuid(2);
const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

describeWith(['script'], 'eve-agent app console', () => {
  let folder: string;
  let scene: ReturnType<typeof createAppsScene>;
  let close: () => Promise<void>;
  let child: ChildProcess | undefined;
  let shown: string;
  const at = (name: string) => join(folder, name);
  const command = () => eveAgent('app', 'console', VM, '--socket', at('agent.sock'));
  const noted = async (name: string) => (await readFile(at(name), 'utf8')).trim();

  /** On a terminal of its own, which is looked at before and after. */
  function startOnTerminal(): ChildProcess {
    const called = `echo $$ >"$0/pid"; exec ${quoted(command())}`;
    const steps = `stty -g >"$0/before"; sh -c ${quoted([called])} "$0"; echo $? >"$0/code"; stty -g >"$0/after"`;
    const started = spawn('script', ['-qec', `sh -c ${quoted([steps, folder])}`, '/dev/null']);
    started.stdout.on('data', (bytes: Buffer) => {
      shown += bytes.toString('latin1');
    });
    child = started;
    return started;
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'app-console-'));
    shown = '';
    scene = createAppsScene();
    scene.start();
    const routes = createAppRoutes({ apps: scene.apps, access: scene.access, log: silentLog });
    const deps = { clock: systemClock, wallMs: Date.now, log: silentLog };
    const place = { kind: 'unix', path: at('agent.sock') } as const;
    close = await listen(place, createRouter(routes, silentLog), NO_TLS, deps);
    scene.configure(() => 'vm', [appOf(2)]);
    scene.verified(2, 'two');
    await expect.poll(() => scene.state(2)?.State).toBe('RUNNING');
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await close();
    await scene.end();
    await rm(folder, { recursive: true });
  });
  const attached = () => expect.poll(() => scene.consoles.length).toBe(1);

  it('types each key, acts on the terminal, and leaves it as it was', async () => {
    const started = startOnTerminal();
    const ended = once(started, 'exit');
    await attached();
    await expect.poll(() => shown).toContain('Ctrl-] leaves it');
    started.stdin?.write('ls\r\x03');
    await expect.poll(() => scene.typed.join('')).toBe('ls\r\x03');
    scene.consoles[0]?.push('\x1b[1mbold\x1b[0m\r\n');
    await expect.poll(() => shown).toContain('\x1b[1mbold\x1b[0m');
    started.stdin?.write('\x1d');
    await ended;
    expect(shown).toContain('The console was left.');
    expect(await noted('code')).toBe('0');
    expect(await noted('after')).toBe(await noted('before'));
  });

  it.each([
    ['SIGTERM', '143'],
    ['SIGHUP', '129'],
  ] as const)('leaves the terminal as it was after %s', async (signal, code) => {
    const ended = once(startOnTerminal(), 'exit');
    await attached();
    await expect.poll(() => shown).toContain('Ctrl-] leaves it');
    process.kill(Number(await noted('pid')), signal);
    await ended;
    expect(await noted('code')).toBe(code);
    expect(await noted('after')).toBe(await noted('before'));
  });

  it('takes a pipe, and shows what comes until the VM ends', async () => {
    const [program = '', ...args] = command();
    const started = spawn(program, args);
    child = started;
    started.stdout.on('data', (bytes: Buffer) => {
      shown += bytes.toString('latin1');
    });
    const ended = once(started, 'exit');
    started.stdin.end('halt\x1d\n');
    await attached();
    await expect.poll(() => scene.typed.join('')).toBe('halt\x1d\n');
    scene.consoles[0]?.push(Buffer.from('down\x1b[0m\xff', 'latin1'));
    scene.consoles[0]?.push(null);
    expect(await ended).toEqual([0, null]);
    expect(shown).toBe('down\x1b[0m\xff');
  });
});
