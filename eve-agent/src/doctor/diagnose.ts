import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { CHECKS } from './all-checks.ts';
import { verdictText } from './as-eve/verdict.ts';
import { type CheckResult, type Finding, runCheck } from './check.ts';
import type { Evidence } from './evidence.ts';
import { fileAnswer } from './file-answer.ts';
import { type DoctorDeps, type DoctorRequest, gatherEvidence } from './gather-evidence.ts';

/** What is right and wrong with a datastore. */
export interface Diagnosis {
  readonly url: string;
  /** By the agent; with `--as-eve`, by a stock EVE device of version 16 or later, and not by chance. */
  readonly isUsable: boolean;
  readonly judgedFor: 'eve-agent' | 'stock EVE';
  /** One sentence. */
  readonly verdict: string;
  /** One of EXIT_CODES. */
  readonly exitCode: number;
  readonly checks: readonly CheckResult[];
}

function firstProblem(checks: readonly CheckResult[]): Finding | undefined {
  return checks.flatMap(({ findings }) => findings).find(({ verdict }) => verdict === 'problem');
}

/** Puts every check to the evidence and draws the conclusion. */
export function diagnose(evidence: Evidence): Diagnosis {
  const checks = CHECKS.map((check) => runCheck(check, evidence));
  const { eve, form } = evidence;
  if (eve !== null) {
    return {
      url: form.text,
      isUsable: eve.current.outlook === 'will',
      judgedFor: 'stock EVE',
      verdict: verdictText(eve),
      exitCode: EXIT_CODES[eve.current.failure ?? 'done'],
      checks,
    };
  }
  const problem = firstProblem(checks);
  // Nothing is called usable of which no file was seen.
  const why = problem?.message ?? (fileAnswer(evidence) === null ? 'no file was answered' : null);
  return {
    url: form.text,
    isUsable: why === null,
    judgedFor: 'eve-agent',
    verdict: why === null ? 'the datastore can be used' : `the datastore cannot be used: ${why}`,
    exitCode: EXIT_CODES[problem?.failure ?? (why === null ? 'done' : 'transferFailed')],
    checks,
  };
}

/**
 * Makes the doctor: it probes a datastore and explains what it found.
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createDoctor(deps: DoctorDeps): (request: DoctorRequest) => Promise<Diagnosis> {
  return async (request) => diagnose(await gatherEvidence(deps, request));
}
