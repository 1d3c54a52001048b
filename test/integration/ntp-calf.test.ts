// SPDX-License-Identifier: Apache-2.0
/**
 * The client of NTP as a process with all layers, and priv's side of it, beside a server on loopback. The clock that is
 * moved is nobody's: it begins where that of the machine is, as the process reads that.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { calfScriptName } from '@local-datastore/shared/confinement/launcher/roles';
import { createClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import {
  type EmulatedAdjtimex,
  emulateAdjtimex,
} from '@local-datastore/shared/confinement/system/emulated-adjtimex';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleScriptsOf, findCalves } from '../../compose/calf-scripts.ts';
import { openNtpSocket } from '../../eve-agent/src/network/ntp-socket.ts';
import type { AuditEntry } from '../../eve-agent/src/sandbox/audit/audit-entry.ts';
import { findCalf } from '../../eve-agent/src/sandbox/calves/find-calf.ts';
import { encodeReply } from '../../eve-agent/src/sandbox/calves/ntp/scripted-reply.ts';
import { type OpenedNtp, openNtp } from '../../eve-agent/src/sandbox/handlers/open-ntp.ts';
import { createNtpCalfStarter } from '../../eve-agent/src/sandbox/handlers/start-ntp-calf.ts';
import { parseCorrection } from '../../eve-agent/src/sandbox/keys/ntp-keys.ts';
import { createKeyStore, type KeyStore } from '../../eve-agent/src/sandbox/store/key-store.ts';

const AHEAD_MS = 7000;
const NS_PER_MS = 1_000_000n;
const ADDRESS = '127.0.0.1';
const POLICY = { earliestUnixMs: Date.UTC(2025, 0), latestUnixMs: Date.UTC(2090, 0) };
const SCRIPT = calfScriptName('ntp');
/** Only ends what fails. */
const POLL = { timeout: 600_000 };

let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'ntp-calf-'));
  await bundleScriptsOf({ [SCRIPT]: (await findCalves('eve-agent'))[SCRIPT] ?? '' }, bundle);
});
afterAll(() => rm(bundle, { recursive: true }));

describe.each<[string, () => CalfCode]>([
  ['from source', () => findCalf('ntp')],
  ['as a bundle', () => ({ kind: 'script', file: join(bundle, SCRIPT) })],
])('the client of NTP in a process of its own, %s', (_, code) => {
  let server: Socket;
  let kernel: EmulatedAdjtimex;
  let store: KeyStore;
  let audited: AuditEntry[];
  let offered: ReturnType<typeof parseCorrection>[];
  let ntp: OpenedNtp;

  beforeEach(async () => {
    server = createSocket('udp4').on('message', (question, { address, port }) => {
      const sentUnixNs = BigInt(Date.now() + AHEAD_MS) * NS_PER_MS;
      server.send(encodeReply({ originTimestamp: question.readBigUInt64BE(40), sentUnixNs }), port, address);
    });
    server.bind(0, ADDRESS);
    await once(server, 'listening');
    kernel = emulateAdjtimex(systemClock, { unixMs: Date.now() });
    [audited, offered] = [[], []];
    store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
    store.watch('/ntp/offset', ({ value }) => value !== null && offered.push(parseCorrection(value)));
  });
  afterEach(async () => {
    await ntp.stop();
    server.close();
  });

  async function open(watchedSince: string | null): Promise<void> {
    const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
    const deps = { store, audit, clock: systemClock, log: silentLog };
    const { port } = server.address() as AddressInfo;
    ntp = await openNtp(
      {
        ...deps,
        control: createClockControl(kernel.adjtimex),
        startCalf: createNtpCalfStarter({ ...deps, openSocket: openNtpSocket, port, code: code() }),
        findAddress: () => Promise.reject(new Error('there is no discovery here')),
      },
      { ...POLICY, servers: [ADDRESS], prefix: ['ntp'], watchedSince },
    );
  }

  it('moves the clock by what the server says, and tells of it', async () => {
    await open(null);
    await expect.poll(() => ntp.status().steps, POLL).toBe(1);
    const [first] = offered;
    expect(Math.abs((first?.offsetMs ?? Number.NaN) - AHEAD_MS)).toBeLessThanOrEqual(
      (first?.errorMs ?? Number.NaN) + 1,
    );
    expect(ntp.status().lastStep?.byMs).toBe(first?.offsetMs);
    expect(kernel.unixMs() - Date.now()).toBeGreaterThan(AHEAD_MS / 2);
    const step = { actor: 'priv', op: 'stepped', path: '/ntp/offset', handler: 'clock', verdict: 'ok' };
    expect(audited.filter(({ op }) => op === 'stepped')).toMatchObject([step]);
    expect(ntp.calfStatus()).toMatchObject({ name: 'ntp', state: 'running', restarts: 0 });
    expect(ntp.calfStatus()?.layers).toEqual(
      expect.arrayContaining(['no capabilities', 'no new privileges']),
    );
  });

  it('leaves a clock that is only watched as it is', async () => {
    await open('there is no right to');
    await expect.poll(() => ntp.status().state, POLL).toBe('watched');
    expect(ntp.status()).toMatchObject({
      steps: 0,
      lastStep: null,
      server: ADDRESS,
      stratum: expect.any(Number),
    });
    expect(Math.abs(kernel.unixMs() - Date.now())).toBeLessThan(AHEAD_MS / 2);
    expect(audited.filter(({ handler }) => handler === 'clock')).toEqual([]);
  });
});
