/** What parses the network knows no path and opens no socket or file: it cannot import what would let it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCES = import.meta.dirname;
const SHARED = resolve(SOURCES, '../../shared/src');
/** They open files, sockets, processes or threads. */
const FORBIDDEN = new Set(
  [
    ...['fs', 'fs/promises', 'net', 'dgram', 'child_process', 'worker_threads'],
    ...[
      'cluster',
      'dns',
      'dns/promises',
      'http2',
      'https',
      'module',
      'process',
      'repl',
      'sqlite',
      'vm',
      'wasi',
    ],
  ].map((name) => `node:${name}`),
);
/** Of modules that could open sockets, what is used of them that does not. */
const ALLOWED_NAMES: Readonly<Record<string, readonly string[]>> = {
  'node:http': ['STATUS_CODES'],
  // `connect` over a stream that is handed in.
  'node:tls': ['checkServerIdentity', 'connect'],
  // What connects gets a connector that is made of flows.
  undici: ['Client', 'Dispatcher', 'ProxyAgent'],
};

interface Import {
  readonly specifier: string;
  /** Null: all of it, as in `import * as x` and `import(x)`. */
  readonly names: readonly string[] | null;
}

/** What a module imports while it runs; types are gone by then. */
function readImports(text: string): Import[] {
  const code = stripTypeScriptTypes(text);
  const statements = code.matchAll(/^(?:import|export)\s+(?:([^'";]*?)\s*from\s*)?['"]([^'"]+)['"]/gm);
  const calls = code.matchAll(/\b(?:import|require|getBuiltinModule|createRequire)\s*\(\s*['"]?([^'")]*)/g);
  return [
    ...[...statements].map(([, clause = '', specifier = '']) => {
      const names = /^\{([^}]*)\}$/
        .exec(clause)?.[1]
        ?.split(',')
        .map((name) => name.trim().split(' ')[0] ?? '');
      return { specifier, names: names?.filter((name) => name !== '') ?? null };
    }),
    ...[...calls].map(([, specifier = '']) => ({ specifier, names: null })),
  ];
}

function listModules(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** @returns the file of a module of ours; null: a package, or a module of Node's */
function fileOf(specifier: string, from: string): string | null {
  const shared = /^@local-datastore\/shared\/(.+)$/.exec(specifier)?.[1];
  if (shared !== undefined) return join(SHARED, `${shared}.ts`);
  return specifier.startsWith('.') ? resolve(dirname(from), specifier) : null;
}

/** What the modules of a folder import, and what these import: modules of ours by their files. */
function closureOf(folder: string) {
  const files = new Set(listModules(folder));
  const foreign: (Import & { readonly from: string })[] = [];
  for (const file of files) {
    for (const each of readImports(readFileSync(file, 'utf8'))) {
      const target = fileOf(each.specifier, file);
      if (target === null) foreign.push({ ...each, from: relative(SOURCES, file) });
      else files.add(target);
    }
  }
  return { files: [...files], foreign };
}

describe.each([
  ['transfer', ['undici', 'zod']],
  ['discovery', ['dns-packet']],
])('%s', (folder, packages) => {
  const { files, foreign } = closureOf(join(SOURCES, folder));

  it('is read to its last import', () => {
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    expect(files.length).toBeGreaterThan(listModules(join(SOURCES, folder)).length);
  });

  it('imports nothing that opens files, sockets, processes or threads', () => {
    expect(foreign.filter(({ specifier }) => FORBIDDEN.has(specifier))).toEqual([]);
    const tooMuch = foreign.filter(({ specifier, names }) => {
      const allowed = ALLOWED_NAMES[specifier];
      return allowed !== undefined && (names ?? ['*']).some((name) => !allowed.includes(name));
    });
    expect(tooMuch).toEqual([]);
  });

  it('imports these packages, and no others', () => {
    const found = foreign.map(({ specifier }) => specifier).filter((each) => !each.startsWith('node:'));
    expect([...new Set(found)].sort()).toEqual(packages);
  });

  it('imports nothing of the other side', () => {
    const allowed = /^(?:transfer|discovery)\/|^\.\.\/\.\.\/shared\//;
    expect(files.map((file) => relative(SOURCES, file)).filter((file) => !allowed.test(file))).toEqual([]);
  });
});

it('sees every form of an import, and no type', () => {
  const text = [
    "import { readFile, type Stats } from 'node:fs/promises';",
    "import type { Socket } from 'node:net';",
    "import {\n  connect,\n} from 'node:tls';",
    "import * as dns from 'node:dns';",
    "import fs from 'node:fs';",
    "import 'node:repl';",
    "export { a } from './a.ts';",
    "const b = await import('./b.ts');",
    "const c = process.getBuiltinModule('node:vm');",
  ].join('\n');
  expect(readImports(text).map(({ specifier, names }) => `${specifier} ${names ?? '*'}`)).toEqual([
    ...['node:fs/promises readFile', 'node:tls connect', 'node:dns *', 'node:fs *', 'node:repl *'],
    ...['./a.ts a', './b.ts *', 'node:vm *'],
  ]);
});
