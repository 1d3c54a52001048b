// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { bundleDatastore } from '../datastore-bundle.ts';
import type { Architecture } from './architectures.ts';
import type { BuiltProgram } from './build-package.ts';
import { KOFFI_SOURCE, koffiName, provideKoffi } from './koffi-binary.ts';
import { collectLicences } from './licences.ts';
import { copyNode, provideNode } from './node-binary.ts';
import { versionOf } from './package-description.ts';
import type { PackageFile } from './package-files.ts';
import { sbomText } from './sbom.ts';

const HOME = 'usr/lib/datastore-app';

/** Node's options in the environment are meant for other programs. */
const START = `#!/bin/sh
unset NODE_OPTIONS
exec /${HOME}/node /${HOME}/main.js "$@"
`;

/** The bundle's files where they are installed; none is a program of its own, whatever its first line says. */
async function readBundle(folder: string): Promise<PackageFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return await Promise.all(
    files.sort().map(async (file): Promise<PackageFile> => {
      const content = await readFile(file);
      const isScript = content.subarray(0, 2).equals(Buffer.from('#!'));
      return {
        path: join(HOME, relative(folder, file)),
        content: isScript ? content.subarray(content.indexOf('\n') + 1) : content,
        mode: 0o644,
      };
    }),
  );
}

/**
 * The datastore as its Debian package has it: its bundle, and a Node of its own. It runs for months, so that a start
 * from one file, as the agent's many commands have, would gain nothing.
 *
 * @throws Error when Node cannot be fetched, or a tool fails
 */
export async function buildDatastorePrograms(
  architectures: readonly Architecture[],
): Promise<readonly BuiltProgram[]> {
  const folder = await mkdtemp(join(tmpdir(), 'datastore-app-program-'));
  try {
    const bundle = join(folder, 'bundle');
    const { inputs, contents } = await bundleDatastore(bundle);
    const scripts = await readBundle(bundle);
    const programs: BuiltProgram[] = [];
    for (const architecture of architectures) {
      const node = await provideNode(architecture);
      const file = join(folder, `node-${architecture}`);
      await copyNode(node, architecture, file);
      programs.push({
        name: 'datastore-app',
        architecture,
        licences: await collectLicences([...inputs, KOFFI_SOURCE], node.folder),
        sbom: await sbomText({
          ...{ name: 'datastore-app', version: await versionOf('datastore-app'), hasNode: true },
          contents: [...contents, KOFFI_SOURCE],
        }),
        files: [
          { path: 'usr/bin/datastore-app', content: Buffer.from(START), mode: 0o755 },
          { path: `${HOME}/node`, content: await readFile(file), mode: 0o755 },
          {
            path: `${HOME}/${koffiName(architecture)}`,
            content: await readFile(await provideKoffi(architecture)),
            mode: 0o644,
          },
          ...scripts,
        ],
      });
    }
    return programs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
