// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Calf } from './calf.ts';
import type { KeptCalf } from './keep-calf.ts';
import { planLayers } from './layer-plan.ts';
import { processStatus } from './process-status.ts';
import type { LayersInForce } from './read-layers.ts';

const ALL = (1n << 41n) - 1n;
const CONFINED: LayersInForce = {
  ...{ uid: 65520, gid: 65520, groups: [], capEff: 0n, capPrm: 0n, capBnd: 0n, capAmb: 0n },
  ...{ noNewPrivs: true, seccomp: 2, seccompFilters: 1 },
  ownNamespaces: { net: true, mnt: true, ipc: true, uts: true, user: false },
};
const kept = (layers: LayersInForce | null, isDegraded = false): KeptCalf => ({
  current: () => (layers === null ? null : ({ pid: 123, layers: () => layers } as Calf)),
  isDegraded: () => isDegraded,
  endCount: () => 3,
  began: Promise.resolve(null),
  markReady() {},
  markUnfit() {},
  close: async () => {},
});
const asRoot = planLayers({ capEff: ALL, capBnd: ALL }, () => false);
const inContainer = planLayers({ capEff: 0n, capBnd: 0n }, () => false);

describe('the status of a process', () => {
  it('tells all layers that the kernel shows', () => {
    expect(processStatus('net', kept(CONFINED), asRoot, 0)).toEqual({
      ...{ name: 'net', state: 'running', pid: 123, user: 65520, restarts: 3, missing: [] },
      layers: [
        ...['no capabilities', 'no new privileges', 'filter of system calls', 'own user', 'no bounding set'],
        ...['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'],
      ],
    });
  });

  it('tells what the host does not give, with the reason', () => {
    const ownNamespaces = { net: false, mnt: false, ipc: false, uts: false, user: false };
    const status = processStatus('net', kept({ ...CONFINED, uid: 1000, ownNamespaces }), inContainer, 1000);
    expect(status.layers).toEqual([
      ...['no capabilities', 'no new privileges', 'filter of system calls', 'no bounding set'],
    ]);
    expect(status.missing.map(({ layer }) => layer)).toEqual([
      ...['own user', 'network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'],
    ]);
    expect(status.missing[0]?.reason).toContain('CAP_SETUID');
  });

  it('does not tell a layer that was planned and is not there', () => {
    const status = processStatus('net', kept({ ...CONFINED, noNewPrivs: false, capBnd: 1n }), asRoot, 0);
    expect(status.layers).not.toContain('no new privileges');
    expect(status.missing).toEqual([{ layer: 'no bounding set', reason: 'the kernel refused it' }]);
  });

  it.each([
    ['starting', false],
    ['failing', true],
  ] as const)('is %s where there is no process', (state, isDegraded) => {
    expect(processStatus('net', kept(null, isDegraded), asRoot, 0)).toEqual({
      ...{ name: 'net', state, pid: null, user: null, restarts: 3, layers: [], missing: [] },
    });
  });
});
