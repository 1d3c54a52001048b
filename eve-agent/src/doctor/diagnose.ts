// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { FILE_CHECKS, IMAGE_CHECKS } from './all-checks.ts';
import { verdictText } from './as-eve/verdict.ts';
import { type CheckResult, type Finding, runCheck } from './check.ts';
import type { Evidence } from './evidence.ts';
import { judgeWhole } from './file-answer.ts';
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

/** Where no check has found a problem. */
function failureWithout({ notFound }: Evidence, why: string | null): keyof typeof EXIT_CODES {
  if (why === null) return 'done';
  return notFound === null ? 'transferFailed' : 'datastoreNotFound';
}

function firstProblem(checks: readonly CheckResult[]): Finding | undefined {
  return checks.flatMap(({ findings }) => findings).find(({ verdict }) => verdict === 'problem');
}

/** Problems that are so whatever the request brought: those of chance, and stock EVE's own. */
const NEVER_OVERCOME = new Set([
  ...['name-conflict', 'several-bridges'],
  ...['stock-eve-cannot', 'stock-eve-by-chance'],
]);

/**
 * What a download has got over: where the datastore was found, nothing that was heard before keeps it from being
 * found, and where a file was answered, nothing keeps it from being asked for.
 */
function isOvercome({ code, failure }: Finding, { target, whole, wholeFile }: Evidence): boolean {
  if (NEVER_OVERCOME.has(code)) return false;
  if (failure === 'datastoreNotFound') return target?.location != null;
  const isBeforeHttp = /^(?:connection|tls|chain|certificate)-/.test(code);
  return isBeforeHttp && (whole?.kind === 'answered' || wholeFile?.kind === 'read');
}

function soften(result: CheckResult, evidence: Evidence): CheckResult {
  const findings = result.findings.map((finding): Finding => {
    if (finding.verdict !== 'problem' || !isOvercome(finding, evidence)) return finding;
    const { code, message, advice } = finding;
    return { code, message, advice, verdict: 'warning' };
  });
  const isProblem = findings.some(({ verdict }) => verdict === 'problem');
  return {
    ...result,
    findings,
    verdict: result.verdict === 'problem' && !isProblem ? 'warning' : result.verdict,
  };
}

/** Puts every check to the evidence and draws the conclusion. */
export function diagnose(evidence: Evidence): Diagnosis {
  const { eve, form, image } = evidence;
  const wanted = image === null ? FILE_CHECKS : IMAGE_CHECKS;
  const checks = wanted.map((check) => soften(runCheck(check, evidence), evidence));
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
  const isStored = judgeWhole(evidence)?.kind === 'store';
  const why = problem?.message ?? evidence.notFound ?? (isStored ? null : 'no file was answered');
  return {
    url: image === null ? form.text : `docker://${image.name}`,
    isUsable: why === null,
    judgedFor: 'eve-agent',
    verdict: why === null ? 'the datastore can be used' : `the datastore cannot be used: ${why}`,
    exitCode: EXIT_CODES[problem?.failure ?? failureWithout(evidence, why)],
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
