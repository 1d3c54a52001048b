// SPDX-License-Identifier: Apache-2.0
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHITECTURES, type Architecture } from './architectures.ts';
import { type PackageFolder, providePackage } from './npm-package.ts';
import { runTool } from './run-tool.ts';

/**
 * Node for an architecture in the version of package-lock.json: a folder with `bin/node` and `LICENSE`.
 *
 * @throws Error when it cannot be fetched, is not the one of the lock file, or not the version that runs this
 */
export async function provideNode(architecture: Architecture): Promise<PackageFolder> {
  const node = await providePackage(`node-linux-${architecture}`, ['bin/node', 'LICENSE']);
  if (process.version === `v${node.version}`) return node;
  // The form of code caches and of single executables is one Node version's own.
  throw new Error(`Node ${node.version} is needed to build, this is ${process.version}: use npm run`);
}

/** Takes Node's symbols out, which are a seventh of it; left in where no tool for the architecture is found. */
function strip(file: string, architecture: Architecture): void {
  for (const program of [`${ARCHITECTURES[architecture].gnu}-strip`, 'llvm-strip']) {
    try {
      runTool([program, '--strip-all', file]);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  process.stdout.write(
    `${ARCHITECTURES[architecture].gnu}-strip and llvm-strip not found: symbols stay in\n`,
  );
}

/** Copies Node itself to a file, without its symbols. */
export async function copyNode(
  { folder }: PackageFolder,
  architecture: Architecture,
  file: string,
): Promise<void> {
  await copyFile(join(folder, 'bin/node'), file);
  await chmod(file, 0o755);
  strip(file, architecture);
}
