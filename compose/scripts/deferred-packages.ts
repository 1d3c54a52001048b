// SPDX-License-Identifier: Apache-2.0
import type { Plugin } from 'esbuild';

/**
 * Packages that take milliseconds to run and that many commands never need: what logs a line, checks a value, reads a
 * file of settings. Their exports are used as functions, as classes that values are told by (`instanceof`), and as marks
 * that are told by nothing but their type, such as zod's NEVER.
 */
const DEFERRED = ['pino', 'yaml', 'zod'] as const;

const DEFERRED_NAMES = new RegExp(`^(?:${DEFERRED.join('|')})$`);
const STAND_IN = 'deferred-package';
const ENTRY = 'deferred-entry';

/** Entry points that hold the packages themselves. */
export const DEFERRED_ENTRIES: Readonly<Record<string, string>> = Object.fromEntries(
  DEFERRED.map((name) => [`package-${name}`, `${ENTRY}:${name}`]),
);

/** A stand-in for a class, or what is called as one: also what is an instance of it is known once it is loaded. */
const CLASS_OF = `const classOf = (load) => Object.defineProperty((...args) => load()(...args), Symbol.hasInstance, {
  value: (each) => each instanceof load(),
});`;

async function exportsOf(name: string): Promise<[string, unknown][]> {
  const isName = (key: string) => key !== 'default' && /^[A-Za-z_$][\w$]*$/.test(key);
  return Object.entries((await import(name)) as Record<string, unknown>).filter(([key]) => isName(key));
}

async function functionsOf(name: string): Promise<string[]> {
  return (await exportsOf(name)).flatMap(([key, value]) => (typeof value === 'function' ? [key] : []));
}

const isMark = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.isFrozen(value) &&
  Object.values(value).every((each) => typeof each === 'string');

/** Declarations of the marks of a package. */
async function marksOf(name: string): Promise<string[]> {
  const marks = (await exportsOf(name)).filter(([, value]) => isMark(value));
  return marks.map(([key, value]) => `export const ${key} = Object.freeze(${JSON.stringify(value)});`);
}

/**
 * Puts a stand-in for each of those packages into a bundle: functions that load it, as an entry of its own, when the
 * first is called. ECMAScript has no such import yet.
 */
export const deferredPackages: Plugin = {
  name: 'deferred-packages',
  setup({ onResolve, onLoad, initialOptions }) {
    const resolveDir = initialOptions.absWorkingDir ?? '.';
    onResolve({ filter: DEFERRED_NAMES }, ({ path, namespace }) =>
      namespace === ENTRY ? undefined : { path, namespace: STAND_IN },
    );
    onResolve({ filter: new RegExp(`^${ENTRY}:`) }, ({ path }) => ({
      path: path.slice(ENTRY.length + 1),
      namespace: ENTRY,
    }));
    onResolve({ filter: /^\.\/package-\w+\.js$/, namespace: STAND_IN }, ({ path }) => ({
      path,
      external: true,
    }));
    onLoad({ filter: /.*/, namespace: ENTRY }, async ({ path }) => ({
      resolveDir,
      contents: `export { ${(await functionsOf(path)).join(', ')} } from ${JSON.stringify(path)};`,
    }));
    onLoad({ filter: /.*/, namespace: STAND_IN }, async ({ path }) => {
      const names = await functionsOf(path);
      const load = `const load = () => require(${JSON.stringify(`./package-${path}.js`)});`;
      const standIns = names.map((name, i) =>
        /^[A-Z]/.test(name)
          ? `const f${i} = /* @__PURE__ */ classOf(() => load().${name});`
          : `const f${i} = (...args) => load().${name}(...args);`,
      );
      const exported = names.map((name, i) => `f${i} as ${name}`).join(', ');
      const marks = await marksOf(path);
      return { contents: [load, CLASS_OF, ...standIns, `export { ${exported} };`, ...marks].join('\n') };
    });
  },
};
