#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { codeCacheName, createScriptLoader } from './script-loader.ts';

/** The main script of a program whose other scripts stand beside it. It writes nothing, wherever it stands. */
const pathOf = (name: string) => `${__dirname}/${name}`;

const load = createScriptLoader(
  {
    pathOf,
    readText: (name) => readFileSync(pathOf(name), 'latin1'),
    readCodeCache(name) {
      try {
        return readFileSync(pathOf(codeCacheName(name)));
      } catch {
        // None was made for this Node: it takes a little longer.
        return undefined;
      }
    },
  },
  pathToFileURL(__filename).href,
);
load('main.js');
