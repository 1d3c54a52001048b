// SPDX-License-Identifier: Apache-2.0
import { terminalText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import type { CheckResult, Finding } from './check.ts';
import type { Diagnosis } from './diagnose.ts';

const VERDICT_WIDTH = 8;
const TITLE_WIDTH = 28;
const INDENT = ' '.repeat(VERDICT_WIDTH + 1);

/** One line, in which nothing acts on a terminal: a name of a configuration may hold anything. */
const shown = (text: string) => terminalText(text.replaceAll('\n', ' '));

/** A finding in two lines; the check's own line says how bad it is. */
function findingText({ message, advice }: Finding): string[] {
  return [`${INDENT}! ${shown(message)}`, `${INDENT}> ${shown(advice)}`];
}

function checkText({ verdict, title, summary, findings }: CheckResult): string[] {
  const line =
    `${verdict.padEnd(VERDICT_WIDTH)} ${shown(title).padEnd(TITLE_WIDTH)} ${shown(summary)}`.trimEnd();
  return [line, ...findings.flatMap(findingText)];
}

/**
 * A diagnosis as lines for people: a line a check, and under it what is wrong (`!`) and what to try next (`>`).
 * Checks for which there was nothing to judge share the last line.
 */
export function diagnosisText({ checks, verdict }: Diagnosis): string {
  const skipped = checks.filter((check) => check.verdict === 'skipped').map(({ title }) => title);
  return [
    ...checks.filter((check) => check.verdict !== 'skipped').flatMap(checkText),
    ...(skipped.length > 0 ? [`${'skipped'.padEnd(VERDICT_WIDTH)} ${skipped.join(', ')}`] : []),
    '',
    shown(verdict),
    '',
  ].join('\n');
}

/** What {@link diagnosisDocument} makes. */
export const diagnosisSchema = () =>
  z.object({
    url: z
      .string()
      .describe('What was examined: a URL, the configuration of --apps, or the name of this host.'),
    isUsable: z.boolean(),
    judgedFor: z.enum(['eve-agent', 'stock EVE']),
    verdict: z.string().describe('What it comes to, in plain words.'),
    exitCode: z.int(),
    checks: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        verdict: z.enum(['ok', 'warning', 'problem', 'skipped']),
        summary: z.string(),
        facts: z.record(
          z.string(),
          z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string()).readonly()]),
        ),
        findings: z.array(
          z.object({
            code: z.string(),
            verdict: z.enum(['warning', 'problem']),
            message: z.string(),
            advice: z.string().describe('What to try next.'),
          }),
        ),
      }),
    ),
  });

/** The JSON document of a diagnosis. */
export function diagnosisDocument({
  url,
  isUsable,
  judgedFor,
  verdict,
  exitCode,
  checks,
}: Diagnosis): z.infer<ReturnType<typeof diagnosisSchema>> {
  return {
    url,
    isUsable,
    judgedFor,
    verdict,
    exitCode,
    checks: checks.map(({ id, title, verdict, summary, facts, findings }) => ({
      id,
      title,
      verdict,
      summary,
      facts,
      findings: findings.map(({ code, verdict, message, advice }) => ({ code, verdict, message, advice })),
    })),
  };
}
