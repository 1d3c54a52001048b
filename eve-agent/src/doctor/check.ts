// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from './evidence.ts';
import type { Failure } from './failure.ts';

export type Verdict = 'ok' | 'warning' | 'problem' | 'skipped';

/** JSON-safe; texts from the network are made printable where they are shown. */
export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** One thing that is not as it should be. */
export interface Finding {
  /** Stable, for machines: `name-conflict`. */
  readonly code: string;
  /** A problem keeps the datastore from being used; a warning only stock EVE, or under conditions. */
  readonly verdict: 'warning' | 'problem';
  readonly message: string;
  /** The next thing to try. */
  readonly advice: string;
  /** Of a problem alone. */
  readonly failure?: Failure;
}

/** What a check makes of the evidence. */
export interface Judgement {
  /** One line: what was seen, or why the check was skipped. */
  readonly summary: string;
  readonly facts?: Facts;
  readonly findings?: readonly Finding[];
  readonly isSkipped?: boolean;
}

/** A question about a datastore, and its answer from evidence that was gathered before. */
export interface Check {
  readonly id: string;
  readonly title: string;
  judge(evidence: Evidence): Judgement;
}

export interface CheckResult {
  readonly id: string;
  readonly title: string;
  /** That of the worst finding. */
  readonly verdict: Verdict;
  readonly summary: string;
  readonly facts: Facts;
  readonly findings: readonly Finding[];
}

export const skipped = (summary: string): Judgement => ({ summary, isSkipped: true });

export const warning = (code: string, message: string, advice: string): Finding => ({
  code,
  verdict: 'warning',
  message,
  advice,
});

export const problem = (failure: Failure, code: string, message: string, advice: string): Finding => ({
  code,
  verdict: 'problem',
  message,
  advice,
  failure,
});

function verdictOf({ findings = [], isSkipped = false }: Judgement): Verdict {
  if (isSkipped) return 'skipped';
  if (findings.some(({ verdict }) => verdict === 'problem')) return 'problem';
  return findings.length > 0 ? 'warning' : 'ok';
}

/** The result of a check that came to a judgement. */
export function resultOf({ id, title }: Pick<Check, 'id' | 'title'>, judgement: Judgement): CheckResult {
  const { summary, facts = {}, findings = [] } = judgement;
  return { id, title, verdict: verdictOf(judgement), summary, facts, findings };
}

/** Puts a check to the evidence. */
export const runCheck = (check: Check, evidence: Evidence): CheckResult =>
  resultOf(check, check.judge(evidence));
