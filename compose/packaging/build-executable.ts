// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { writeCodeCache } from '../scripts/code-cache.ts';
import type { Architecture } from './architectures.ts';
import { bundleExecutable } from './executable-bundle.ts';
import { KOFFI_SOURCE, koffiName, provideKoffi } from './koffi-binary.ts';
import { collectLicences } from './licences.ts';
import { copyNode, provideNode } from './node-binary.ts';
import { versionOf } from './package-description.ts';
import { runTool } from './run-tool.ts';
import { sbomText } from './sbom.ts';

/** What Node looks for in itself: see its manual, "Single executable applications". */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

export interface Executable {
  readonly file: string;
  /** koffi's native part, which is in it, too. */
  readonly koffi: string;
  /** The text of all licences of what is in it. */
  readonly licences: string;
  /** Its bill of materials, which stands beside it, too. */
  readonly sbom: string;
}

export const executableName = (architecture: Architecture) => `eve-agent-linux-${architecture}`;

/**
 * The agent's code as Node reads it from within itself.
 *
 * @param assets what the executable holds besides its main script, by name
 */
async function prepareBlob(
  folder: string,
  main: string,
  assets: Readonly<Record<string, string>>,
): Promise<string> {
  const blob = join(folder, 'sea.blob');
  const settings = join(folder, 'sea.json');
  await writeFile(
    settings,
    JSON.stringify({
      // It is kept in the blob: the name of a folder of this build alone would make every build another.
      main: relative(folder, main),
      output: blob,
      assets,
      disableExperimentalSEAWarning: true,
      // Of the main script, which only loads another.
      useCodeCache: false,
      // It takes longer to read than the program takes to start without.
      useSnapshot: false,
      // Options are the agent's own: another program's NODE_OPTIONS must not change it. What is executed as a calf gets
      // Node's permission model by an argument.
      execArgvExtension: 'cli',
    }),
  );
  runTool([process.execPath, '--experimental-sea-config', settings], { cwd: folder });
  return blob;
}

/**
 * Makes the agent one executable file for each architecture: Node with the agent's code in it. It needs the C
 * and C++ libraries of the system (glibc 2.28, libstdc++ 6), and nothing else.
 *
 * @param target a folder, made if absent; a file there is replaced whole or not at all
 * @param calves programs of calves beside the agent's own, by the names of their scripts
 * @throws Error when Node cannot be fetched, or a tool fails
 */
export async function buildExecutables(
  architectures: readonly Architecture[],
  target: string,
  calves: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<Architecture, Executable>> {
  const executables = new Map<Architecture, Executable>();
  const folder = await mkdtemp(join(tmpdir(), 'eve-agent-executable-'));
  try {
    await mkdir(target, { recursive: true });
    const { main, assets, inputs, contents } = await bundleExecutable(folder, calves);
    const codeCache = writeCodeCache(folder);
    for (const architecture of architectures) {
      const node = await provideNode(architecture);
      // A code cache is one architecture's own: where another is built for, V8 compiles at every start.
      const isOwn = architecture === process.arch;
      const koffi = await provideKoffi(architecture);
      const ownAssets = {
        ...assets,
        [koffiName(architecture)]: koffi,
        ...(isOwn && { [basename(codeCache)]: codeCache }),
      };
      const blob = await prepareBlob(folder, main, ownAssets);
      const file = join(target, executableName(architecture));
      const incoming = `${file}.incoming`;
      await copyNode(node, architecture, incoming);
      const inject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
      runTool([process.execPath, inject, incoming, RESOURCE, blob, '--sentinel-fuse', FUSE]);
      await rename(incoming, file);
      const licences = await collectLicences([...inputs, KOFFI_SOURCE], node.folder);
      const sbom = await sbomText({
        ...{ name: 'eve-agent', version: await versionOf('eve-agent'), hasNode: true },
        contents: [...contents, KOFFI_SOURCE],
      });
      await writeFile(`${file}.cdx.json`, sbom);
      executables.set(architecture, { file, koffi, licences, sbom });
      process.stdout.write(`${file}: ${((await stat(file)).size / 1e6).toFixed(1)} MB\n`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return executables;
}
