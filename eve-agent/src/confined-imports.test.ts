// SPDX-License-Identifier: Apache-2.0
/** What parses the network knows no path and opens no socket or file: it cannot import what would let it. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileOf, type Import, listModules, readRunningImports } from '../../test/module-imports.ts';

const SOURCES = import.meta.dirname;
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

/**
 * What the modules of a folder import, and what these import: modules of ours by their files. What starts them is none:
 * it hands them what it was given.
 */
function closureOf(folder: string) {
  const files = new Set(listModules(folder).filter((file) => basename(file) !== 'main.ts'));
  const foreign: (Import & { readonly from: string })[] = [];
  for (const file of files) {
    for (const each of readRunningImports(readFileSync(file, 'utf8'))) {
      const target = fileOf(each.specifier, file);
      if (target === null) foreign.push({ ...each, from: relative(SOURCES, file) });
      else files.add(target);
    }
  }
  return { files: [...files], foreign };
}

describe.each([
  ['transfer', ['undici', 'zod'], /^(?:transfer|discovery)\//],
  ['registry', ['undici', 'zod'], /^(?:registry|transfer|discovery)\//],
  ['mirror', ['zod'], /^(?:mirror|registry|transfer|discovery)\//],
  ['discovery', ['dns-packet'], /^(?:transfer|discovery)\//],
  ['sandbox/store', [], /^sandbox\/store\//],
  // Of the handlers and the store no more than what keys are; what sets the clock is out of reach.
  ['sandbox/calves/ntp', [], /^sandbox\/(?:(?:calves\/ntp|keys|store)\/|exchange\/ask-keys\.ts$)/],
])('%s', (folder, packages, allowed) => {
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
    const isAllowed = (file: string) => allowed.test(file) || /^\.\.\/\.\.\/shared\//.test(file);
    expect(files.map((file) => relative(SOURCES, file)).filter((file) => !isAllowed(file))).toEqual([]);
  });
});
