// SPDX-License-Identifier: Apache-2.0
/** What the modules of this project import, found in their text. */
import { readdirSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const SHARED = resolve(import.meta.dirname, '../shared/src');

export interface Import {
  readonly specifier: string;
  /** Null: all of it, as in `import * as x` and `import(x)`. */
  readonly names: readonly string[] | null;
}

/** What a module imports, types and values alike. */
export function readImports(text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(?:([^'";]*?)\s*from\s*)?['"]([^'"]+)['"]/gm,
  );
  const calls = text.matchAll(/\b(?:import|require|getBuiltinModule|createRequire)\s*\(\s*['"]?([^'")]*)/g);
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

/** What a module imports while it runs; types are gone by then. */
export const readRunningImports = (text: string): Import[] => readImports(stripTypeScriptTypes(text));

/** They import what runs them. */
const OF_TESTS = /(?:\.test|-contract)\.ts$/;

/** The files of all modules below a folder, without their tests. */
export function listModules(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !OF_TESTS.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** @returns the file of a module of ours; null: a package, or a module of Node's */
export function fileOf(specifier: string, from: string): string | null {
  const shared = /^@local-datastore\/shared\/(.+)$/.exec(specifier)?.[1];
  if (shared !== undefined) return join(SHARED, shared.endsWith('.tsx') ? shared : `${shared}.ts`);
  return specifier.startsWith('.') ? resolve(dirname(from), specifier) : null;
}
