import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * Three files at a time, as most of them wait for the network; the container tests, which own the machine's
 * bridges, after all others and alone.
 */
const TOGETHER = { maxWorkers: 3, sequence: { groupOrder: 0 } };
const ALONE = { maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } };
/** Killed programs and floods: nothing else should want the processor meanwhile. */
const LAST = { ...ALONE, sequence: { groupOrder: 2 } };

const project = (name: string, include: string[], order: typeof TOGETHER | typeof ALONE = TOGETHER) => ({
  extends: true as const,
  test: { name, include, ...order },
});

export default defineConfig({
  test: {
    // Processes started by a test must die with it (PDEATHSIG), which follows threads: hence forks.
    pool: 'forks',
    // Tests start our programs from source hundreds of times: with what Node made of it the last time, in half the time.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/test-programs', import.meta.url)),
      // Where daemons and network tools stand, which is not on the search path of an ordinary user.
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    },
    // Limits only end what fails: a machine on which much else wants the processor takes many times as long, and
    // what is waited for stays true once it is.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Tests that are tried together wait for most of their time.
    maxConcurrency: 8,
    reporters: ['default', './test/reporter.ts'],
    projects: [
      project('unit', [
        '{shared,datastore-app,eve-agent}/src/**/*.test.ts',
        'compose/**/*.test.ts',
        'eve-agent/packaging/*.test.ts',
        'test/*.test.ts',
      ]),
      project('integration', ['test/{lab,demo,integration}/**/*.test.ts']),
      project('interop', ['test/interop/**/*.test.ts']),
      project('browser', ['test/browser/**/*.test.ts']),
      project('fuzz', ['test/fuzz/**/*.test.ts']),
      project('e2e', ['test/e2e/**/*.test.ts'], ALONE),
      project('faults', ['test/faults/**/*.test.ts'], LAST),
    ],
  },
});
