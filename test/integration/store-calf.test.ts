// SPDX-License-Identifier: Apache-2.0
/** The store between processes: a calf has one end of a socketpair and no other right, priv has the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditEntry } from '../../eve-agent/src/sandbox/audit/audit-entry.ts';
import { createKeyStore, type KeyStore } from '../../eve-agent/src/sandbox/store/key-store.ts';
import { type StoreServer, serveStore } from '../../eve-agent/src/sandbox/store/serve-store.ts';
import { silentLog } from '../../shared/src/log.ts';
import { systemClock } from '../../shared/src/system-clock.ts';
import { WORKSPACE } from '../lab/run-program.ts';

const PROGRAM = fileURLToPath(new URL('./programs/store-calf.ts', import.meta.url));
const RIGHTS = [
  { pattern: '/task/*', mayRead: true, mayWrite: false },
  { pattern: '/end', mayRead: true, mayWrite: false },
  { pattern: '/own/*', mayRead: false, mayWrite: true },
];
const bytes = (value: unknown) => Buffer.from(String(value));

describe('a calf in a process of its own', () => {
  let calf: ChildProcess;
  let store: KeyStore;
  let server: StoreServer;
  const refused: AuditEntry[] = [];
  const ownOf = (name: string) => Buffer.from(store.read(['own', name]) ?? []).toString();

  beforeEach(() => {
    refused.length = 0;
    const audit = { append: (entry: AuditEntry) => void (entry.verdict === 'ok' || refused.push(entry)) };
    store = createKeyStore({ audit, log: silentLog });
    const args = ['--permission', `--allow-fs-read=${WORKSPACE}`, PROGRAM];
    calf = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
    const stream = calf.stdio[3] as Duplex;
    server = serveStore({ store, audit, clock: systemClock }, { actor: 'calf', rights: RIGHTS }, stream);
  });
  afterEach(async () => {
    if (calf.exitCode === null && calf.signalCode === null) {
      calf.kill('SIGKILL');
      await once(calf, 'exit');
    }
  });

  it('is told what there is to do, and tells what it did', async () => {
    store.write('priv', ['task', 'a'], bytes(21));
    await vi.waitFor(() => expect(ownOf('a')).toBe('42'), 60_000);
    store.write('priv', ['task', 'b'], bytes(4));
    await vi.waitFor(() => expect([ownOf('b'), ownOf('refused')]).toEqual(['8', 'DENIED']), 60_000);
    expect(refused).toEqual([
      { actor: 'calf', op: 'write', path: '/forbidden', value: bytes('x'), verdict: 'DENIED' },
    ]);
    const exited = once(calf, 'exit');
    store.write('priv', ['end'], bytes(''));
    expect(await server.closed).toBe('it closed its connection');
    expect(await exited).toEqual([0, null]);
  });

  it('that is killed leaves the store as it is, and its keys to be cleared', async () => {
    store.write('priv', ['task', 'a'], bytes(21));
    await vi.waitFor(() => expect(ownOf('a')).toBe('42'), 60_000);
    calf.kill('SIGKILL');
    expect(await server.closed).toMatch(/^(?:it closed its connection|its connection (?:was closed|failed))/);
    store.write('priv', ['task', 'a'], bytes(22));
    store.clear('calf');
    expect(store.list('/**').map(({ path }) => path)).toEqual([['task', 'a']]);
  });

  it('that is stopped holds nobody up, and sees what is there when it goes on', async () => {
    store.write('priv', ['task', 'a'], bytes(0));
    await vi.waitFor(() => expect(ownOf('a')).toBe('0'), 60_000);
    calf.kill('SIGSTOP');
    for (let i = 1; i <= 50_000; i += 1) store.write('priv', ['task', 'a'], bytes(`${i}`.padStart(100)));
    calf.kill('SIGCONT');
    await vi.waitFor(() => expect(ownOf('a')).toBe('100000'), 60_000);
  });
});
