import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALL_ARCHITECTURES, isArchitecture } from './architectures.ts';
import { buildExecutables } from './build-executable.ts';

/** Where `npm run build:executable` and `npm run build:package` leave what they make. */
const TARGET = fileURLToPath(new URL('../dist', import.meta.url));

/** usage: main.ts executable|package [--output DIR] [x64|arm64]... */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', default: TARGET } },
});
const [what, ...names] = positionals;
const unknown = names.filter((name) => !isArchitecture(name));
if (unknown.length > 0) {
  process.stderr.write(`${unknown.join(', ')}: one of ${ALL_ARCHITECTURES.join(', ')} expected\n`);
  process.exit(2);
}
const architectures = names.length === 0 ? ALL_ARCHITECTURES : names.filter(isArchitecture);
if (what === 'executable') await buildExecutables(architectures, values.output);
