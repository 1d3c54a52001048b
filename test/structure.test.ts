// SPDX-License-Identifier: Apache-2.0
/** The floor plan: what may import what, and who may touch the process. */
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileOf, type Import, listModules, readImports, readRunningImports } from './module-imports.ts';

const TOP = resolve(import.meta.dirname, '..');
const MODULES = ['shared', 'datastore-app', 'eve-agent'].flatMap((name) =>
  listModules(join(TOP, name, 'src')),
);

/** Files below the top, as `shared/src/log.ts`. */
interface Arrow {
  readonly from: string;
  readonly to: string;
}

function arrowsOf(read: (text: string, file: string) => readonly Import[]): Arrow[] {
  return MODULES.flatMap((file) =>
    read(readFileSync(file, 'utf8'), file).flatMap(({ specifier }) => {
      const target = fileOf(specifier, file);
      return target === null ? [] : { from: relative(TOP, file), to: relative(TOP, target) };
    }),
  );
}
/** The types of the page's components are not stripped by Node. */
const readWithoutTypes = (text: string, file: string) =>
  file.endsWith('.tsx') ? readImports(text) : readRunningImports(text);
const ARROWS = arrowsOf(readImports);

/** Of arrows that may not be: what matches `from` imports what matches `to`. */
const forbidden = (from: RegExp, to: RegExp) =>
  ARROWS.filter((arrow) => from.test(arrow.from) && to.test(arrow.to)).map(
    (arrow) => `${arrow.from} → ${arrow.to}`,
  );

describe('no arrow runs upwards', () => {
  it('is read from all there is', () => {
    for (const program of ['datastore-app', 'eve-agent']) {
      expect(
        ARROWS.filter(({ from, to }) => from.startsWith(program) && to.startsWith('shared')),
      ).not.toEqual([]);
      expect(ARROWS).toContainEqual({ from: `${program}/src/main.ts`, to: `${program}/src/cli/program.ts` });
    }
  });

  it.each([
    ['the shared ground imports no program', /^shared\//, /^(?!shared\/)/],
    ['the datastore does not import the agent', /^datastore-app\//, /^eve-agent\//],
    ['the agent does not import the datastore', /^eve-agent\//, /^datastore-app\//],
    ['no program imports what only tests need', /^/, /^test\/|\.test\.ts$/],
    ['only main imports the command line', /^(?!\w[\w-]*\/src\/(?:cli\/|main\.ts$))/, /^[\w-]+\/src\/cli\//],
    ['nothing imports main', /^/, /\/main\.ts$/],
    [
      'what calls the kernel knows no filter, nor who is confined',
      /\/confinement\/system\//,
      /\/confinement\/(?!system\/)|\/sandbox\//,
    ],
    [
      'filters know nobody who is confined',
      /\/confinement\/filters\//,
      /\/confinement\/(?!system\/|filters\/)|\/sandbox\//,
    ],
    [
      'who is confined does not call the kernel',
      /\/sandbox\/(?:calves|sdk)\//,
      /\/confinement\/(?:system|filters)\//,
    ],
  ])('%s', (_title, from, to) => {
    expect(forbidden(from, to)).toEqual([]);
  });

  it.each([
    ['no module comes back to itself by what it imports', readWithoutTypes, /^/],
    ['no module of the agent does so by types alone', readImports, /^eve-agent\//],
  ])('%s', (_title, read, within) => {
    const targets = new Map<string, string[]>();
    for (const { from, to } of arrowsOf(read)) {
      if (within.test(from)) targets.set(from, [...(targets.get(from) ?? []), to]);
    }
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file)) return;
      done.add(file);
      for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    };
    for (const file of targets.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe('main alone touches the process', () => {
  /** They change nothing, and cannot be another's at the same time. */
  const HARMLESS: Readonly<Record<string, string>> = {
    nextTick: 'is the order of callbacks',
    hrtime: 'is the clock itself, which others are handed',
    cpuUsage: 'is measured for the metrics',
    threadCpuUsage: 'is measured to keep a pace',
    memoryUsage: 'is measured for the metrics',
    uptime: 'is measured for the metrics',
    pid: 'tells this process from others',
    geteuid: 'tells what this process may do',
  };
  /** What else, by file. */
  const PERMITTED: Readonly<Record<string, string>> = {
    'shared/src/confinement/launcher/node-arguments.ts':
      'holds the text of the program that each calf begins with',
    'datastore-app/src/privileges/drop-privileges.ts':
      'takes the rights of another user for the whole process: nothing else is its task',
    'eve-agent/src/launch/machines/process-table.ts':
      'ends the process of a machine, which outlives the agent and may be no child of it',
  };

  const withoutComments = (text: string) =>
    text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

  /** The members of `process` that a module uses; `*`: all of them may be. */
  function usesOf(file: string): string[] {
    const text = withoutComments(readFileSync(file, 'utf8'));
    const uses = text.matchAll(/(?<![\w.'"`/-])process(?:\s*\??\.\s*(\w+)|(?=\s*[[;,)]))/g);
    const imports = readImports(text).filter(({ specifier }) => /^(?:node:)?process$/.test(specifier));
    return [...[...uses].map(([, member = '*']) => member), ...imports.map(() => '*')];
  }
  const touches = MODULES.filter((file) => !file.endsWith('/main.ts')).flatMap((file) =>
    usesOf(file)
      .filter((member) => !Object.hasOwn(HARMLESS, member))
      .map((member) => ({ file: relative(TOP, file), member })),
  );

  it('and nobody else, but for one reason each', () => {
    expect(touches.filter(({ file }) => !Object.hasOwn(PERMITTED, file))).toEqual([]);
  });

  it('and what is permitted happens', () => {
    expect(touches.map(({ file }) => file)).toEqual(Object.keys(PERMITTED));
    const used = new Set(MODULES.flatMap(usesOf));
    expect(Object.keys(HARMLESS).filter((member) => !used.has(member))).toEqual([]);
    expect(usesOf(join(TOP, 'eve-agent/src/main.ts'))).toEqual(expect.arrayContaining(['stdout', 'exit']));
  });
});
