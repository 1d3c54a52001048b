import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { nameOfFile, TIMES_FILE, WORKSPACE } from './file-sequencer.ts';

/** What takes less begins in any order. */
const LONG_SECONDS = 4;

/** Notes how long files took, with those of earlier runs that were not in this one. */
export default class TimesReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules) => {
    const times: Record<string, number> = JSON.parse(readFileSync(TIMES_FILE, 'utf8'));
    const secondsOf = (module: TestModule) => Math.round(module.diagnostic().duration / 1000);
    for (const module of modules) times[nameOfFile(module.moduleId)] = secondsOf(module);
    const isKept = ([file, seconds]: [string, number]) =>
      seconds >= LONG_SECONDS && existsSync(join(WORKSPACE, file));
    const kept = Object.entries(times).filter(isKept).sort();
    writeFileSync(TIMES_FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  };
}
