import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { BUNDLE_OPTIONS, findWorkers, workspace } from '../../compose/program-bundle.ts';

/** The files of a single executable. */
export interface ExecutableBundle {
  /** CommonJS: the main script of Node 24's single executables is nothing else. */
  readonly main: string;
  /** Modules of worker threads, by the name that `workerUrl` asks for. */
  readonly workers: Readonly<Record<string, string>>;
  /** Which files went in, below the workspace. */
  readonly inputs: readonly string[];
}

const inputsOf = (...metafiles: readonly Metafile[]) => [
  ...new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs))),
];

/** Bundles the agent into one file, and each of its worker threads into another, below a folder. */
export async function bundleExecutable(folder: string): Promise<ExecutableBundle> {
  await mkdir(folder, { recursive: true });
  const main = join(folder, 'main.cjs');
  const program = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: [join(workspace, 'eve-agent/src/main.ts')],
    outfile: main,
    format: 'cjs',
    metafile: true,
    // CommonJS has no import.meta. The file is the executable itself, with nothing beside it.
    banner: { js: 'const moduleUrl_=require("node:url").pathToFileURL(__filename).href;' },
    define: { 'import.meta.url': 'moduleUrl_' },
  });
  const sources = await findWorkers('eve-agent');
  const threads = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: sources,
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    metafile: true,
    // A module without a file: what is required can only be Node's own.
    banner: {
      js: "import{createRequire as createRequire_}from'node:module';const require=createRequire_('/');",
    },
  });
  const names = sources.map((file) => basename(file, '.ts'));
  return {
    main,
    workers: Object.fromEntries(names.map((name) => [name, join(folder, `${name}.mjs`)])),
    inputs: inputsOf(program.metafile, threads.metafile),
  };
}
