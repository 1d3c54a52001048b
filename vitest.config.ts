import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Processes started by a test must die with it (PDEATHSIG), which follows threads: hence forks.
    pool: 'forks',
    include: ['{shared,datastore-app,eve-agent}/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
