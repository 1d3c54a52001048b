// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import FileSequencer from './test/order/file-sequencer.ts';

/**
 * So many files at a time as a machine of so many processors does well with: most of them wait for the network for much
 * of their time. What computes and what waits are begun side by side, long files first (test/order).
 */
const WORKERS = Math.max(3, Math.ceil(2.5 * availableParallelism()));
const TOGETHER = { maxWorkers: WORKERS, sequence: { groupOrder: 1 } };
/**
 * Hundreds of short files, before the others: a process that takes one after another has vitest and our modules loaded
 * already, where one for each file spends more on that than on its tests. (vitest keeps a process only for files of the
 * same kind that follow each other.) What a file changes of its process it puts back.
 */
const UNIT = { maxWorkers: WORKERS, sequence: { groupOrder: 0 }, isolate: false };
/** Containers, on the bridges of this machine. */
const E2E = {
  ...TOGETHER,
  setupFiles: ['test/e2e/one-at-a-time.ts'],
  globalSetup: ['test/e2e/built-once.ts'],
};
/** Killed programs: nothing else but one more of them should want the processor meanwhile. */
const LAST = { maxWorkers: Math.min(2, availableParallelism()), sequence: { groupOrder: 2 } };
/** Floods, and what is counted in milliseconds of a link: nothing else should. */
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 3 } };
const ALONE_FILES = ['test/faults/{agent-killed,flooded-mdns}.test.ts'];

/**
 * Files about `run` that are tried once more with a process of its own for the network: some with all tests, the others,
 * too, by `npm run test:separation`. Those of `download`, `mirror`, `doctor` and the datastore are not among them: these are
 * one process in any case. Nor are those that say of separation themselves whether there is any.
 */
const SEPARATED = ['test/integration/agent-{retries,run}.test.ts'];
const ALL_SEPARATED = [
  ...SEPARATED,
  'test/integration/agent-{large-configuration,mutual-tls,one-bad-file,openapi,proxy,refused,slow}.test.ts',
  'test/integration/{mdns-port,sha512-images}.test.ts',
  'test/interop/registry-{chain,redirects,tokens-agent,trees}.test.ts',
  // What they launch comes from a datastore, or a registry whose host is found on `.local`.
  'test/interop/{app-interfaces,apps,deployment-pull,deployment-pull-secured,doctor-apps,vm-apps}.test.ts',
  'test/faults/{full-disk-service,image-trees-disturbed}.test.ts',
];

interface Order {
  readonly isolate?: boolean;
  readonly maxWorkers: number;
  readonly sequence: { readonly groupOrder: number };
  readonly setupFiles?: string[];
  readonly globalSetup?: string[];
  readonly exclude?: string[];
  readonly env?: Readonly<Record<string, string>>;
}
/** What is not about separation is as true in one process, which starts faster. */
const IN_ONE_PROCESS = { EVE_AGENT_NO_SEPARATION: 'true', DATASTORE_PARSING: 'own' };
const project = (name: string, include: string[], order: Order = TOGETHER) => ({
  extends: true as const,
  test: { name, include, env: IN_ONE_PROCESS, ...order },
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
    testTimeout: 900_000,
    hookTimeout: 900_000,
    expect: { poll: { timeout: 300_000 } },
    // Tests that are tried together wait for most of their time.
    maxConcurrency: 8,
    sequence: { sequencer: FileSequencer },
    reporters: [
      'default',
      './test/reporter.ts',
      ...(process.env.TEST_TIMES === 'true' ? ['./test/order/times-reporter.ts'] : []),
    ],
    projects: [
      project(
        'unit',
        [
          '{shared,datastore-app,eve-agent}/src/**/*.test.ts',
          'compose/**/*.test.ts',
          'test/*.test.ts',
          'test/order/*.test.ts',
        ],
        UNIT,
      ),
      project('integration', ['test/{lab,demo,integration}/**/*.test.ts']),
      project('interop', ['test/interop/**/*.test.ts']),
      project('separation', process.env.TEST_SEPARATION === 'all' ? ALL_SEPARATED : SEPARATED, {
        ...TOGETHER,
        env: { EVE_AGENT_SEPARATION: 'true' },
      }),
      project('browser', ['test/browser/**/*.test.ts']),
      project('fuzz', ['test/fuzz/**/*.test.ts']),
      project('e2e', ['test/e2e/**/*.test.ts'], E2E),
      project('faults', ['test/faults/**/*.test.ts'], { ...LAST, exclude: ALONE_FILES }),
      project('faults-alone', ALONE_FILES, ALONE),
    ],
  },
});
