// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { findMissing, planLayers } from './layer-plan.ts';
import type { LayersInForce } from './read-layers.ts';

const ALL = 0x1ffffffffffn;
const NAMESPACES = ['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'];
/** What Docker gives unless it is told otherwise: SETUID, SETGID, SETPCAP among them. */
const DOCKER_DEFAULT = 0xa80425fbn;

const neverAsked = () => {
  throw new Error('what is not needed is not asked');
};

describe('planLayers', () => {
  it.each([
    ['an ordinary user', 0n, ['own user'], true],
    ['a service that may change users', 0xc0n, ['no bounding set', ...NAMESPACES], false],
    ['root in a plain container', DOCKER_DEFAULT, NAMESPACES, false],
    ['root on a host', ALL, [], false],
  ])('%s, where there are user namespaces', (_, capEff, missing, hasUserNamespace) => {
    const plan = planLayers({ capEff, capBnd: ALL }, hasUserNamespace ? () => true : neverAsked);
    expect(plan.missing.map(({ layer }) => layer)).toEqual(missing);
    expect(plan.hasUserNamespace).toBe(hasUserNamespace);
  });

  it.each([
    ['root on a host', { capEff: ALL, capBnd: ALL }, [true, true, true], []],
    [
      'an ordinary user',
      { capEff: 0n, capBnd: ALL },
      [false, false, false],
      ['own user', 'no bounding set', ...NAMESPACES],
    ],
    [
      'a service without any capability',
      { capEff: 0n, capBnd: 0n },
      [false, false, false],
      ['own user', ...NAMESPACES],
    ],
    [
      'root in a plain container',
      { capEff: DOCKER_DEFAULT, capBnd: DOCKER_DEFAULT },
      [true, true, false],
      NAMESPACES,
    ],
    [
      'one who may change users alone',
      { capEff: 0xc0n, capBnd: 0xc0n },
      [true, false, false],
      ['no bounding set', ...NAMESPACES],
    ],
    [
      'one who may take a user, but no group',
      { capEff: 0x80n, capBnd: 0n },
      [false, false, false],
      ['own user', ...NAMESPACES],
    ],
    ['one with SYS_ADMIN alone', { capEff: 0x200000n, capBnd: 0n }, [false, false, true], ['own user']],
  ])('%s', (_, own, [hasOwnUser, dropsBoundingSet, hasNamespaces], missing) => {
    const plan = planLayers(own, () => false);
    expect(plan).toMatchObject({ hasOwnUser, dropsBoundingSet, hasNamespaces });
    expect(plan.missing.map(({ layer }) => layer)).toEqual(missing);
    for (const { reason } of plan.missing) expect(reason).toMatch(/^who starts it does not have CAP_\w+/);
  });
});

describe('findMissing', () => {
  const inForce: LayersInForce = {
    ...{ uid: 65520, gid: 65520, groups: [], capEff: 0n, capPrm: 0n, capBnd: 0n, capAmb: 0n },
    ...{ noNewPrivs: true, seccomp: 2, seccompFilters: 1 },
    ownNamespaces: { net: true, mnt: true, ipc: true, uts: true, user: false },
  };
  const root = planLayers({ capEff: ALL, capBnd: ALL }, neverAsked);
  const shared = { net: false, mnt: false, ipc: false, uts: false, user: false };
  const unseen = { net: null, mnt: null, ipc: null, uts: null, user: null };

  it('finds nothing where all is there', () => {
    expect(findMissing(inForce, root, 0)).toEqual([]);
  });

  it('names what the kernel refused against the plan', () => {
    const found = findMissing(
      { ...inForce, uid: 0, capBnd: 1n, ownNamespaces: { ...shared, net: true } },
      root,
      0,
    );
    expect(found.map(({ layer }) => layer)).toEqual(['own user', 'no bounding set', ...NAMESPACES.slice(1)]);
    expect(new Set(found.map(({ reason }) => reason))).toEqual(new Set(['the kernel refused it']));
  });

  it('gives the reason of the plan for what was not to be had', () => {
    const plan = planLayers({ capEff: 0n, capBnd: 0n }, () => false);
    expect(findMissing({ ...inForce, uid: 1000, ownNamespaces: shared }, plan, 1000)).toEqual(plan.missing);
  });

  it('takes what it may not see as it was planned', () => {
    expect(findMissing({ ...inForce, ownNamespaces: unseen }, root, 0)).toEqual([]);
    const plan = planLayers({ capEff: 0xc0n, capBnd: 0n }, () => false);
    expect(findMissing({ ...inForce, ownNamespaces: unseen }, plan, 0)).toEqual(plan.missing);
  });
});
