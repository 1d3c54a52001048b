// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { Architecture } from './architectures.ts';
import type { Executable } from './build-executable.ts';
import type { BuiltProgram } from './build-package.ts';
import { koffiName } from './koffi-binary.ts';

/** The agent as its Debian package has it: one executable. */
export async function agentProgram(
  architecture: Architecture,
  { file, koffi, licences, sbom }: Executable,
): Promise<BuiltProgram> {
  return {
    name: 'eve-agent',
    architecture,
    licences,
    sbom,
    files: [
      { path: 'usr/bin/eve-agent', content: await readFile(file), mode: 0o755 },
      // Also in the executable, for where it stands alone: a service may have no place to load a library from.
      { path: `usr/lib/eve-agent/${koffiName(architecture)}`, content: await readFile(koffi), mode: 0o644 },
    ],
  };
}
