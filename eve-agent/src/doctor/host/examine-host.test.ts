// SPDX-License-Identifier: Apache-2.0
import {
  type MissingLayer,
  REFUSED_BY_KERNEL,
} from '@local-datastore/shared/confinement/launcher/layer-plan';
import { expect, it } from 'vitest';
import { diagnosisDocument, diagnosisSchema, diagnosisText } from '../report.ts';
import { examineHost } from './examine-host.ts';
import type { SeparationTrial } from './judge-separation.ts';

const ALWAYS = ['no capabilities', 'no new privileges', 'filter of system calls'];
const NAMESPACES = ['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'] as const;
const ALL = [...ALWAYS, 'own user', 'no bounding set', ...NAMESPACES];
const NO_SETUID = 'who starts it does not have CAP_SETUID and CAP_SETGID';
const NO_ADMIN = 'who starts it does not have CAP_SYS_ADMIN, nor a user namespace';
const without = (reason: string, ...layers: readonly MissingLayer['layer'][]) =>
  layers.map((layer): MissingLayer => ({ layer, reason }));

const runs = (user: number, missing: readonly MissingLayer[]): SeparationTrial => ({
  kind: 'runs',
  seen: {
    ...{ name: 'net', state: 'running', pid: 12, user, restarts: 0, missing },
    layers: ALL.filter((name) => missing.every(({ layer }) => layer !== name)),
  },
});
const NO_PROC: SeparationTrial = { kind: 'cannot', reason: '/proc/self/status cannot be read' };

interface Case {
  readonly trial: SeparationTrial;
  readonly isRequired?: true;
  readonly verdict: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly findings: readonly string[];
  readonly facts: object;
  /** What the text says, in this order. */
  readonly says: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'all layers': {
    trial: runs(65520, []),
    verdict: 'ok',
    findings: [],
    facts: { isSeparated: true, user: 65520, layers: ALL, missing: [] },
    says: [
      'a process of its own: no capabilities, no new',
      'UTS namespace\n',
      '\nthe service can run here, with a process',
    ],
  },
  'as Docker starts a container': {
    trial: runs(65520, without(NO_ADMIN, ...NAMESPACES)),
    verdict: 'warning',
    findings: ['warning layers-missing'],
    facts: {
      ...{ isSeparated: true, user: 65520, missing: NAMESPACES },
      layers: [...ALWAYS, 'own user', 'no bounding set'],
    },
    says: ['own user, no bounding set\n', '! missing: network', NO_ADMIN, '> ', '--cap-add SYS_ADMIN'],
  },
  'as compose/agent.yaml starts one: each reason by itself': {
    trial: runs(1000, [...without(NO_SETUID, 'own user'), ...without(NO_ADMIN, ...NAMESPACES)]),
    verdict: 'warning',
    findings: ['warning layers-missing', 'warning layers-missing'],
    facts: {
      ...{ isSeparated: true, user: 1000, missing: ['own user', ...NAMESPACES] },
      layers: [...ALWAYS, 'no bounding set'],
    },
    says: [`! missing: own user, since ${NO_SETUID}`, '> ', '! missing: network', '> '],
  },
  'a capability that could come back': {
    trial: runs(65520, without('who starts it does not have CAP_SETPCAP', 'no bounding set')),
    verdict: 'warning',
    findings: ['warning layers-missing'],
    facts: expect.objectContaining({ isSeparated: true, missing: ['no bounding set'] }),
    says: ['! missing: no bounding set', 'CAP_SETPCAP', '> an agent that runs as root has it'],
  },
  'what was planned and refused': {
    trial: runs(65520, without(REFUSED_BY_KERNEL, 'mount namespace')),
    verdict: 'warning',
    findings: ['warning layers-missing'],
    facts: expect.objectContaining({ isSeparated: true, missing: ['mount namespace'] }),
    says: ['missing: mount namespace, since the kernel refused it', '> look for what forbids it', 'AppArmor'],
  },
  'none possible, as far as the host lets it': {
    trial: NO_PROC,
    verdict: 'warning',
    findings: ['warning no-separation'],
    facts: { isSeparated: false, reason: '/proc/self/status cannot be read' },
    says: [
      'the service is one process\n',
      '! no process without',
      '/proc/self',
      '> let it have /proc',
      'can run here, as one',
    ],
  },
  'none possible, where the service is not to start without': {
    ...{ trial: NO_PROC, isRequired: true, verdict: 'problem', findings: ['problem no-separation usage'] },
    facts: { isSeparated: false, reason: '/proc/self/status cannot be read' },
    says: [
      'the service does not start\n',
      '> let it have /proc',
      '\nthe service cannot run here: no process',
    ],
  },
  'turned off': {
    ...{ trial: { kind: 'turned-off' }, verdict: 'skipped', findings: [], facts: {} },
    says: ['skipped  Separation\n', '\nthe service can run here, as one process\n'],
  },
};

it.each(Object.entries(CASES))('%s', async (_, { trial, isRequired = false, says, ...expected }) => {
  const diagnosis = await examineHost({ hostName: 'edge', trySeparation: async () => trial }, isRequired);
  const [check, ...others] = diagnosis.checks;
  expect(others).toEqual([]);
  const findings = check?.findings.map((each) =>
    [each.verdict, each.code, each.failure ?? []].flat().join(' '),
  );
  expect({ verdict: check?.verdict, findings, facts: check?.facts }).toEqual(expected);
  const isUsable = expected.verdict !== 'problem';
  expect(diagnosis).toMatchObject({ url: 'edge', isUsable, exitCode: isUsable ? 0 : 2 });
  let rest = diagnosisText(diagnosis);
  for (const text of says) {
    expect(rest).toContain(text);
    rest = rest.slice(rest.indexOf(text) + text.length);
  }
  expect(diagnosisSchema().parse(diagnosisDocument(diagnosis))).toEqual(diagnosisDocument(diagnosis));
});
