import { getRawAsset } from 'node:sea';
import { pathToFileURL } from 'node:url';
import { codeCacheName, createScriptLoader } from './script-loader.ts';

/** The main script of a program that is one executable file, with its scripts in it. */
const readAsset = (name: string) => Buffer.from(getRawAsset(name));

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
