// SPDX-License-Identifier: Apache-2.0
/** Calves of a bundle on hosts that give all layers, and on those that give fewer; and what becomes of them without priv. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { MissingLayer } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWith, ORDINARY_USER } from '../requirements.ts';
import { type BundledCalf, bundleTestCalf } from './bundled-calf.ts';
import type { Answer } from './test-calf.ts';

interface Started {
  readonly pid: number;
  readonly layers: Readonly<Record<string, unknown>>;
  readonly missing: readonly MissingLayer[];
  readonly output: readonly string[];
}

let bundled: BundledCalf;
beforeAll(async () => {
  bundled = await bundleTestCalf();
});
afterAll(() => bundled.remove());

const privs: ChildProcess[] = [];
afterEach(() => {
  for (const priv of privs.splice(0)) priv.kill('SIGKILL');
});

/** @param as what stands before its command */
async function startPriv(as: readonly string[], ...deeds: readonly string[]) {
  const [program = '', ...args] = [...as, process.execPath, 'main.js', ...deeds];
  const priv = spawn(program, args, { cwd: bundled.folder, stdio: ['ignore', 'pipe', 'inherit'] });
  privs.push(priv);
  const lines = createInterface({ input: priv.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null') as unknown;
  const started = (await next()) as Started;
  const answers: Answer[] = [];
  for (const _ of deeds) answers.push((await next()) as Answer);
  return { priv, started, answers };
}

const isThere = (pid: number) =>
  access(`/proc/${pid}`).then(
    () => true,
    () => false,
  );

const TRIES = ['connect=80', 'read a file=/etc/passwd', 'kill=1', 'bind', 'execute=/bin/true', 'hash=text'];
const refusedAll = [
  ...['EPERM', 'ERR_ACCESS_DENIED', 'EPERM', 'EPERM', 'ERR_ACCESS_DENIED'].map((refused) =>
    expect.objectContaining({ refused }),
  ),
  expect.objectContaining({ result: expect.stringMatching(/^[0-9a-f]{64}$/) }),
];
const NAMESPACES = ['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'];
const NO_NAMESPACES = 'who starts it does not have CAP_SYS_ADMIN, nor a user namespace';
const ALWAYS = { capEff: 0, capPrm: 0, capAmb: 0, noNewPrivs: true, seccomp: 2 };

describeWith(['root'], 'root', () => {
  it('gives all layers', async () => {
    const { started, answers } = await startPriv([], ...TRIES);
    expect(started).toMatchObject({ layers: { ...ALWAYS, uid: 65533, capBnd: 0 }, missing: [], output: [] });
    expect(answers).toEqual(refusedAll);
  });
});

describeWith(['root', 'setpriv'], 'root in a container', () => {
  it('without SYS_ADMIN gives no namespaces, and that is said', async () => {
    const { started, answers } = await startPriv(['setpriv', '--bounding-set=-sys_admin'], ...TRIES);
    expect(started.layers).toMatchObject({ ...ALWAYS, uid: 65533, gid: 65533, groups: [], capBnd: 0 });
    expect(started.missing).toEqual(NAMESPACES.map((layer) => ({ layer, reason: NO_NAMESPACES })));
    expect(answers).toEqual(refusedAll);
  });

  it('that may mount but not unshare goes on with what is left, and that is said', async () => {
    // A kernel that gives no namespace at all: as many as there are already.
    const limit = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"';
    const inOwn = ['unshare', '--user', '--map-root-user', 'sh', '-c', limit, 'sh'];
    const { started } = await startPriv(inOwn);
    expect(started.layers).toMatchObject(ALWAYS);
    expect(started.missing).toContainEqual({ layer: 'network namespace', reason: 'the kernel refused it' });
    expect(started.output.join('\n')).toContain('a network namespace cannot be had: unshare: ENOSPC');
  });
});

describeWith(['root', 'strace'], 'root where the kernel refuses', () => {
  const refusing = (call: string) => [
    'strace',
    '-D',
    '-f',
    '-o',
    '/dev/null',
    '-e',
    `inject=${call}:error=EPERM`,
  ];

  it('to exchange the root gives all layers by another way', async () => {
    const { started, answers } = await startPriv(refusing('pivot_root'), ...TRIES);
    expect(started).toMatchObject({ layers: { ...ALWAYS, uid: 65533, capBnd: 0 }, missing: [], output: [] });
    expect(answers).toEqual(refusedAll);
    const root = await readdir(`/proc/${started.pid}/root`);
    expect(root.filter((name) => ['etc', 'proc', 'root', 'usr'].includes(name))).toEqual([]);
  });

  it.each(['mount', 'chroot,pivot_root'])('%s goes back to where it was, and goes on', async (call) => {
    const { started, answers } = await startPriv(refusing(call), ...TRIES);
    expect(started.layers).toMatchObject({ ...ALWAYS, uid: 65533, capBnd: 0 });
    expect(started.missing).toEqual([{ layer: 'mount namespace', reason: 'the kernel refused it' }]);
    expect(started.output).toEqual([expect.stringContaining('launcher: a mount namespace cannot be had: ')]);
    expect(answers).toEqual(refusedAll);
  });
});

describeWith(['ordinary-user', 'strace'], 'an ordinary user', () => {
  it('gives all but a user of its own, in a user namespace', async () => {
    const { started, answers } = await startPriv(ORDINARY_USER, ...TRIES);
    const ownNamespaces = { net: true, mnt: true, ipc: true, uts: true, user: true };
    expect(started.layers).toMatchObject({ ...ALWAYS, capBnd: 0, ownNamespaces });
    expect(started.missing.map(({ layer }) => layer)).toEqual(['own user']);
    expect(started.output).toEqual([]);
    expect(answers).toEqual(refusedAll);
  });

  it('without user namespaces gives what needs no right, and what is missing is named', async () => {
    const noUnshare = ['strace', '-D', '-f', '-o', '/dev/null', '-e', 'inject=unshare:error=EPERM'];
    const { started, answers } = await startPriv([...ORDINARY_USER, ...noUnshare], ...TRIES);
    expect(started.layers).toMatchObject(ALWAYS);
    // Its bounding set is empty already, so that this layer is there.
    expect(started.missing.map(({ layer }) => layer)).toEqual(['own user', ...NAMESPACES]);
    for (const { reason } of started.missing) expect(reason).toContain('who starts it does not have CAP_');
    expect(answers).toEqual(refusedAll);
  });

  it('does not leave a calf behind when it is killed', async () => {
    const { priv, started } = await startPriv(ORDINARY_USER, 'hold on');
    priv.kill('SIGKILL');
    await once(priv, 'exit');
    await expect.poll(() => isThere(started.pid)).toBe(false);
  });
});

describeWith(['root'], 'priv that is killed', () => {
  it.each([
    ['takes its calf with it', []],
    ['takes one with it that does not heed the end of its store', ['hold on']],
  ])('%s', async (_, deeds) => {
    const { priv, started } = await startPriv([], ...deeds);
    expect(await isThere(started.pid)).toBe(true);
    priv.kill('SIGKILL');
    await once(priv, 'exit');
    await expect.poll(() => isThere(started.pid)).toBe(false);
  });
});
