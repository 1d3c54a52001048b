// SPDX-License-Identifier: Apache-2.0
import { glob, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';

export const workspace = fileURLToPath(new URL('..', import.meta.url));

/** What went into a bundle, and its size. */
export interface ProgramBundle {
  /** Files below the workspace that were read. */
  readonly inputs: readonly string[];
  /** Those of which something is in it. */
  readonly contents: readonly string[];
  readonly sizeBytes: number;
}

/** What was read, and what is in it, of bundles that belong together. */
export function materialsOf(metafiles: readonly Metafile[]): Pick<ProgramBundle, 'inputs' | 'contents'> {
  const parts = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap(({ inputs }) => Object.entries(inputs));
  return {
    inputs: [...new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs)))],
    contents: [...new Set(parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file))],
  };
}

/** Tells Node what the scripts of a folder are. */
export const writePackageType = (folder: string, type: 'module' | 'commonjs') =>
  writeFile(join(folder, 'package.json'), `{ "type": "${type}" }\n`);

/** Programs of worker threads, each a bundle of its own: shared/src/worker-url.ts tells where they stand. */
export async function findWorkers(program: string): Promise<string[]> {
  const workers: string[] = [];
  for await (const file of glob(`{shared,${program}}/src/**/*-worker.ts`, { cwd: workspace })) {
    workers.push(file);
  }
  return workers.sort();
}

/**
 * Of undici the dispatchers alone. Its one entry also loads fetch, caches, WebSocket and mocks, which Node
 * cannot know to be unused: a third of the time in which a command starts. A name that is missing here stops
 * the build.
 */
const undiciDispatchers: Plugin = {
  name: 'undici-dispatchers',
  setup({ onLoad }) {
    const dispatchers = {
      Client: 'client',
      Dispatcher: 'dispatcher',
      ProxyAgent: 'proxy-agent',
    };
    onLoad({ filter: /\/node_modules\/undici\/index\.js$/ }, () => ({
      contents: [
        ...Object.entries(dispatchers).map(
          ([name, file]) => `export { default as ${name} } from './lib/dispatcher/${file}.js';`,
        ),
        // Of what undici's entry adds to every dispatcher: what its ProxyAgent opens tunnels with.
        "import Base from './lib/dispatcher/dispatcher.js';",
        "import connect from './lib/api/api-connect.js';",
        'Base.prototype.connect = connect;',
      ].join('\n'),
    }));
  },
};

/**
 * `node:http` by require. Importing it reads all that it exports, among it the WebSocket that Node loads its own
 * undici for when it is read: 30 ms of every start, and some memory.
 */
const nodeHttpByRequire: Plugin = {
  name: 'node-http-by-require',
  setup({ onResolve, onLoad }) {
    const namespace = 'by-require';
    onResolve({ filter: /^node:http$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** How both programs are bundled, whatever form the bundle takes. */
export const BUNDLE_OPTIONS = {
  absWorkingDir: workspace,
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
  logOverride: { 'import-is-undefined': 'error' },
  plugins: [undiciDispatchers, nodeHttpByRequire],
} as const satisfies BuildOptions;

/** Begins a bundle that is a module: dependencies in CommonJS call require for Node's own modules. */
export const MAKE_REQUIRE =
  "import{createRequire as createRequire_}from'node:module';const require=createRequire_(import.meta.url);";
