// SPDX-License-Identifier: Apache-2.0
import { getRawAsset } from 'node:sea';
import { pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import { CALF_ROLE, LAUNCHER_NAME } from '@local-datastore/shared/confinement/launcher/roles';
import { codeCacheName, createScriptLoader } from './script-loader.ts';

/** The main script of a program that is one executable file, with its scripts in it. */
const readAsset = (name: string) => Buffer.from(getRawAsset(name));

/**
 * Runs an asset that is a program of its own, with what follows as its arguments. Dynamic imports are those of Node's own
 * modules.
 *
 * @param argumentCount how many arguments led here
 */
function runAsset(name: string, argumentCount: number): void {
  process.argv.splice(1, 1 + argumentCount, `${__filename}/${name}`);
  const module_ = { exports: {} };
  const program = compileFunction(
    readAsset(name).toString('utf8'),
    ['exports', 'require', 'module', '__filename', '__dirname'],
    {
      filename: `${__filename}/${name}`,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    },
  );
  program.call(module_.exports, module_.exports, require, module_, __filename, __dirname);
}

function runProgram(): void {
  const load = createScriptLoader(
    {
      pathOf: (name) => `${__filename}/${name}`,
      readText: (name) => readAsset(name).toString('latin1'),
      readCodeCache(name) {
        try {
          return readAsset(codeCacheName(name));
        } catch {
          // It was built on another architecture.
          return undefined;
        }
      },
    },
    pathToFileURL(__filename).href,
  );
  load('main.js');
}

// The same file in another role (shared/src/confinement/launcher): what starts a calf, or a calf.
const [, , role, name] = process.argv;
if (role === LAUNCHER_NAME) runAsset(`${LAUNCHER_NAME}.js`, 1);
else if (role === CALF_ROLE && name !== undefined) runAsset(name, 2);
else runProgram();
