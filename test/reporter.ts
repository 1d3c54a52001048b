// SPDX-License-Identifier: Apache-2.0
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';
import type {} from './requirements.ts';

interface Skip {
  readonly suite: string;
  readonly reason: string;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skips: readonly Skip[];
}

function* suitesOf(parent: TestModule | TestSuite): Generator<TestSuite> {
  for (const suite of parent.children.suites()) {
    yield suite;
    yield* suitesOf(suite);
  }
}

/** Why a test is skipped: the note it gave, or the reason of the outermost suite that was skipped with one. */
function skipOf(test: TestCase): Skip {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  let skip: Skip = { suite: test.fullName, reason: note ?? 'no reason given' };
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) {
    const { skipReason } = parent.meta();
    if (skipReason !== undefined) skip = { suite: parent.fullName, reason: skipReason };
  }
  return skip;
}

/** Whether a test was kept from running by a failed hook around it. */
function isPrevented(test: TestCase): boolean {
  for (let parent = test.parent; ; parent = parent.parent) {
    if (parent.errors().length > 0) return true;
    if (parent.type === 'module') return false;
  }
}

/**
 * Counts what happened. A file that cannot be loaded, a suite whose hook failed and an error outside any test
 * count as one failure each, and so does every test that such a hook kept from running.
 */
export function tally(modules: readonly TestModule[], unhandledErrorCount: number): Tally {
  let passed = 0;
  let failed = unhandledErrorCount;
  let skipped = 0;
  const skips = new Map<string, Skip>();
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of suitesOf(module)) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'skipped' && !isPrevented(test)) {
        skipped += 1;
        const skip = skipOf(test);
        skips.set(`${module.moduleId} ${skip.suite}`, skip);
      } else failed += 1;
    }
  }
  return { passed, failed, skipped, skips: [...skips.values()] };
}

/** The closing report: what was skipped and why, then one line with the counts. */
export function closingReport({ passed, failed, skipped, skips }: Tally): string {
  const lines = skips.map(({ suite, reason }) => `  ${suite}\n    ${reason}`);
  if (lines.length > 0) lines.unshift('Skipped on this machine:');
  lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return lines.join('\n');
}

/**
 * Prints the closing report as the very last output of a run: other reporters write their summary when the
 * run ends, this one when the process does.
 */
export default class ClosingReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, unhandledErrors) => {
    const result = tally(modules, unhandledErrors.length);
    process.once('exit', () => {
      // A failure that vitest saw and the count did not must not read as a success.
      const unseen = result.failed === 0 && process.exitCode !== undefined && Number(process.exitCode) !== 0;
      process.stdout.write(`${closingReport(unseen ? { ...result, failed: 1 } : result)}\n`);
    });
  };
}
