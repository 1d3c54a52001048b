// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter } from 'vitest/node';
import { isMostlyShort, nameOfFile, TIMES_FILE, WORKSPACE } from './file-sequencer.ts';

/** What takes less begins in any order, where most do. */
const LONG_SECONDS = 4;

/** Notes how long files took, with those of earlier runs that were not in this one. */
export default class TimesReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules) => {
    const times: Record<string, number> = JSON.parse(readFileSync(TIMES_FILE, 'utf8'));
    for (const module of modules) {
      const seconds = Math.max(1, Math.round(module.diagnostic().duration / 1000));
      const isKept = seconds >= LONG_SECONDS || !isMostlyShort(module.project.name);
      times[nameOfFile(module.moduleId)] = isKept ? seconds : 0;
    }
    const kept = Object.entries(times)
      .filter(([file, seconds]) => seconds > 0 && existsSync(join(WORKSPACE, file)))
      .sort();
    writeFileSync(TIMES_FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  };
}
