// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import type { Diagnosis } from '../diagnose.ts';
import { judgeSeparation, type SeparationTrial } from './judge-separation.ts';

export interface ExamineHostDeps {
  readonly hostName: string;
  trySeparation(): Promise<SeparationTrial>;
}

/**
 * Whether this host is right for the service, apart from any datastore; nothing of the network is asked.
 *
 * @param isRequired whether the service is not to start without a process of its own for the network
 * @throws what `trySeparation` throws
 */
export async function examineHost(
  { hostName, trySeparation }: ExamineHostDeps,
  isRequired: boolean,
): Promise<Diagnosis> {
  const trial = await trySeparation();
  const check = judgeSeparation(trial, isRequired);
  const problem = check.findings.find(({ verdict }) => verdict === 'problem');
  const how = trial.kind === 'runs' ? 'with a process of its own for the network' : 'as one process';
  return {
    ...{ url: hostName, isUsable: problem === undefined, judgedFor: 'eve-agent' as const },
    verdict:
      problem === undefined
        ? `the service can run here, ${how}`
        : `the service cannot run here: ${problem.message}`,
    exitCode: EXIT_CODES[problem?.failure ?? 'done'],
    checks: [check],
  };
}
