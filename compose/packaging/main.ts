// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { workspace } from '../program-bundle.ts';
import { agentProgram } from './agent-program.ts';
import { ALL_ARCHITECTURES, type Architecture, isArchitecture } from './architectures.ts';
import { buildExecutables } from './build-executable.ts';
import { buildPackage, COMPRESSIONS, type Compression } from './build-package.ts';
import { buildDatastorePrograms } from './datastore-programs.ts';
import { isProgram, PROGRAMS, type Program } from './package-description.ts';

const USAGE =
  'main.ts executable|package [--program datastore-app|eve-agent]... [--output DIR] [--compression xz|gzip] [x64|arm64]...';

function refuse(problem: string): never {
  process.stderr.write(`${problem}\nusage: ${USAGE}\n`);
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    program: { type: 'string', multiple: true },
    output: { type: 'string' },
    compression: { type: 'string', default: COMPRESSIONS[0] },
  },
});
const [what, ...names] = positionals;
if (what !== 'executable' && what !== 'package') refuse(`"${what ?? ''}": executable or package expected`);
for (const name of names) {
  if (!isArchitecture(name)) refuse(`"${name}": one of ${ALL_ARCHITECTURES.join(', ')} expected`);
}
const compression = COMPRESSIONS.find((known): known is Compression => known === values.compression);
if (compression === undefined) refuse(`"${values.compression}": one of ${COMPRESSIONS.join(', ')} expected`);
const programs = values.program ?? (what === 'executable' ? ['eve-agent'] : PROGRAMS);
for (const name of programs) {
  if (!isProgram(name)) refuse(`"${name}": one of ${PROGRAMS.join(', ')} expected`);
}
if (what === 'executable' && programs.includes('datastore-app')) refuse('the agent alone is one executable');

const architectures: readonly Architecture[] =
  names.length === 0 ? ALL_ARCHITECTURES : names.filter(isArchitecture);
/** Each program's own folder, unless one is given for all. */
const targetOf = (program: Program) => values.output ?? join(workspace, program, 'dist');

if (programs.includes('eve-agent')) {
  const target = targetOf('eve-agent');
  const executables = await buildExecutables(architectures, target);
  for (const [architecture, executable] of what === 'package' ? executables : []) {
    await buildPackage(await agentProgram(architecture, executable), target, compression);
  }
}
if (programs.includes('datastore-app')) {
  for (const program of await buildDatastorePrograms(architectures)) {
    await buildPackage(program, targetOf('datastore-app'), compression);
  }
}
