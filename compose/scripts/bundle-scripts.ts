// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { build, type Metafile, transform } from 'esbuild';
import { BUNDLE_OPTIONS } from '../program-bundle.ts';
import { DEFERRED_ENTRIES, deferredPackages } from './deferred-packages.ts';
import { QUICK_SCRIPT } from './script-loader.ts';

/** What stands for a module's own address: a name that no module has for anything else. */
const MODULE_URL = 'moduleUrl_';

const MAIN = 'eve-agent/src/main.ts';
/** The command that others wait for most. */
const QUICK_COMMAND = 'eve-agent/src/cli/resolve.ts';

export interface ProgramScripts {
  /** Text by name: `main.js`, which starts the program, the scripts that it loads, and licences. */
  readonly files: ReadonlyMap<string, string>;
  /** What they were bundled from. */
  readonly metafiles: readonly Metafile[];
}

type ImportKind = Metafile['outputs'][string]['imports'][number]['kind'];

/** The outputs that lead from one to the next by imports of these kinds, the first included. */
function reach({ outputs }: Metafile, entry: string, kinds: readonly ImportKind[]): string[] {
  const files = Object.keys(outputs).filter((file) => outputs[file]?.entryPoint === entry);
  if (files.length === 0) throw new Error(`${entry} is no entry of the bundle`);
  for (const file of files) {
    for (const { path, kind } of outputs[file]?.imports ?? []) {
      if (kinds.includes(kind) && path in outputs && !files.includes(path)) files.push(path);
    }
  }
  return files;
}

/** What the quick command loads, at once and on its way. */
const quickOutputs = (metafile: Metafile) => [
  ...reach(metafile, MAIN, ['import-statement']),
  ...reach(metafile, QUICK_COMMAND, ['import-statement', 'dynamic-import']),
];

/** An ECMAScript module as a function for the script loader, whose `require` is at once. */
async function toFactory(name: string, code: string): Promise<string> {
  const { code: text } = await transform(code.replace(/^#!.*\n/, ''), {
    format: 'cjs',
    platform: 'node',
    target: BUNDLE_OPTIONS.target,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': MODULE_URL },
    minifyWhitespace: true,
    legalComments: 'none',
  });
  return `${JSON.stringify(name)}(exports,require,module,${MODULE_URL}){"use strict";${text}}`;
}

const toScript = (factories: readonly string[]) => `({${factories.join(',\n')}})`;

/**
 * Bundles eve-agent into scripts: one of all modules that a quick command needs, and one for each other module. They
 * are no ECMAScript modules, which Node links one by one and keeps no code cache of.
 *
 * @param start the main script, `start-from-….ts` beside this file
 */
export async function bundleScripts(start: string): Promise<ProgramScripts> {
  const program = await build({
    ...BUNDLE_OPTIONS,
    plugins: [deferredPackages, ...BUNDLE_OPTIONS.plugins],
    entryPoints: { main: MAIN, ...DEFERRED_ENTRIES },
    outdir: 'dist',
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    legalComments: 'linked',
    metafile: true,
    write: false,
  });
  const main = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: { main: start },
    outdir: 'dist',
    format: 'cjs',
    metafile: true,
    write: false,
  });

  const quick = new Set(quickOutputs(program.metafile).map((file) => basename(file)));
  const files = new Map<string, string>();
  const quickFactories: string[] = [];
  for (const { path, text } of program.outputFiles) {
    const name = basename(path);
    if (!name.endsWith('.js')) {
      files.set(name, text);
      continue;
    }
    const factory = await toFactory(name, text);
    if (quick.has(name)) quickFactories.push(factory);
    else files.set(name, toScript([factory]));
  }
  files.set(QUICK_SCRIPT, toScript(quickFactories));
  for (const { path, text } of main.outputFiles) files.set(basename(path), text);
  for (const [name, text] of files) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant
    if (name.endsWith('.js') && !/^[\x00-\x7f]*$/.test(text)) throw new Error(`${name} is not ASCII`);
  }
  return { files, metafiles: [program.metafile, main.metafile] };
}
