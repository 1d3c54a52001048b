import { glob } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

export const workspace = fileURLToPath(new URL('..', import.meta.url));

/** Programs of worker threads, each a bundle of its own: shared/src/worker-url.ts tells where they stand. */
export async function findWorkers(program: string): Promise<string[]> {
  const workers: string[] = [];
  for await (const file of glob(`{shared,${program}}/src/**/*-worker.ts`, { cwd: workspace })) {
    workers.push(file);
  }
  return workers.sort();
}

/** How both programs are bundled, whatever form the bundle takes. */
export const BUNDLE_OPTIONS = {
  absWorkingDir: workspace,
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;
