import type { Architecture } from './architectures.ts';
import { type PackageFolder, providePackage } from './npm-package.ts';

/**
 * Node for an architecture in the version of package-lock.json: a folder with `bin/node` and `LICENSE`.
 *
 * @throws Error when it cannot be fetched, or is not the one of the lock file
 */
export const provideNode = (architecture: Architecture): Promise<PackageFolder> =>
  providePackage(`node-linux-${architecture}`, ['bin/node', 'LICENSE']);
