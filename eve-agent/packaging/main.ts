import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALL_ARCHITECTURES, isArchitecture } from './architectures.ts';
import { buildExecutables } from './build-executable.ts';
import { buildPackage, COMPRESSIONS, type Compression } from './build-package.ts';

/** Where `npm run build:executable` and `npm run build:package` leave what they make. */
const TARGET = fileURLToPath(new URL('../dist', import.meta.url));
const USAGE = 'main.ts executable|package [--output DIR] [--compression xz|gzip] [x64|arm64]...';

function refuse(problem: string): never {
  process.stderr.write(`${problem}\nusage: ${USAGE}\n`);
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: 'string', default: TARGET },
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

const architectures = names.length === 0 ? ALL_ARCHITECTURES : names.filter(isArchitecture);
const executables = await buildExecutables(architectures, values.output);
if (what === 'package') {
  for (const [architecture, executable] of executables) {
    await buildPackage(architecture, executable, values.output, compression);
  }
}
