// SPDX-License-Identifier: Apache-2.0
import { Script } from 'node:vm';

/** Where the scripts of a program stand: a folder, or the executable itself. */
export interface ScriptSource {
  /** The script's text, ASCII alone. */
  readText(name: string): string;
  /** What V8 compiled of the script before, for just this Node and this processor; undefined: nothing. */
  readCodeCache(name: string): Buffer | undefined;
  /** What stack traces call the script. */
  pathOf(name: string): string;
}

type Module = { exports: unknown };
type Factory = (exports: unknown, require: (id: string) => unknown, module: Module, url: string) => void;

/** The script that holds what a quick command needs. The others hold one module each, and are named after it. */
export const QUICK_SCRIPT = 'quick.js';

/** The file of a script's code cache, for the Node that runs: those of others do not fit. */
export const codeCacheName = (script: string) => `${script}-${process.version}-${process.arch}.cache`;

/**
 * Makes a loader of modules that stand in scripts: `({ "name.js"(exports, require, module, moduleUrl) { … }, … })`.
 * A script whose code cache fits is not compiled again; one that does not fit is no failure, V8 leaves it aside.
 *
 * @param moduleUrl what modules take for their own address
 * @returns a function from a module's name to what it exports
 */
export function createScriptLoader(source: ScriptSource, moduleUrl: string): (name: string) => unknown {
  const modules = new Map<string, Module>();
  const readFactories = (name: string) => {
    const cachedData = source.readCodeCache(name);
    const options = { filename: source.pathOf(name), ...(cachedData !== undefined && { cachedData }) };
    return new Script(source.readText(name), options).runInThisContext() as Record<string, Factory>;
  };
  const quick = readFactories(QUICK_SCRIPT);
  const requireModule = (id: string): unknown => {
    if (id.startsWith('./')) return load(id.slice(2));
    // Node's own, without the way through its search for files.
    const builtin: unknown = process.getBuiltinModule(id);
    if (builtin === undefined) throw new Error(`there is no module ${id}`);
    return builtin;
  };
  function load(name: string): unknown {
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const factory = quick[name] ?? readFactories(name)[name];
    if (factory === undefined) throw new Error(`there is no module ${name}`);
    const module: Module = { exports: {} };
    modules.set(name, module);
    factory(module.exports, requireModule, module, moduleUrl);
    return module.exports;
  }
  return load;
}
