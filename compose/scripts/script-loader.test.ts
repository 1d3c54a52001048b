// SPDX-License-Identifier: Apache-2.0
import os from 'node:os';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { createScriptLoader, QUICK_SCRIPT, type ScriptSource } from './script-loader.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  [QUICK_SCRIPT]: `({
    "main.js"(exports, require, module, url) {
      exports.system = require("node:os");
      exports.url = url;
      exports.loadOther = () => require("./other.js");
      exports.loadPackage = () => require("a-package");
    },
    "shared.js"(exports, require, module) { module.exports = { times: 0 }; },
  })`,
  'other.js': `({ "other.js"(exports, require) { exports.shared = require("./shared.js"); exports.shared.times++; } })`,
};

function setUp(codeCache?: Buffer) {
  const read: string[] = [];
  const source: ScriptSource = {
    readText(name) {
      read.push(name);
      return SCRIPTS[name] ?? '({})';
    },
    readCodeCache: (name) => (name === QUICK_SCRIPT ? codeCache : undefined),
    pathOf: (name) => `/program/${name}`,
  };
  return { read, load: createScriptLoader(source, 'file:///program/main.js') };
}

type Main = {
  system: unknown;
  url: string;
  loadOther(): { shared: { times: number } };
  loadPackage(): unknown;
};

test.each([
  ['no code cache', undefined],
  ['one that fits', new Script(SCRIPTS[QUICK_SCRIPT] ?? '').createCachedData()],
  ['one of another program', new Script('0').createCachedData()],
  ['a damaged one', Buffer.from('damaged')],
  ['an empty one', Buffer.alloc(0)],
])('runs a program with %s', (_, codeCache) => {
  const { load } = setUp(codeCache);
  expect(load('main.js')).toMatchObject({ system: os, url: 'file:///program/main.js' });
});

test('reads a script when it is asked for, and runs each module once', () => {
  const { read, load } = setUp();
  const main = load('main.js') as Main;
  expect(read).toEqual([QUICK_SCRIPT]);
  main.loadOther();
  expect(main.loadOther().shared).toBe(load('shared.js'));
  expect(load('shared.js')).toEqual({ times: 1 });
  expect(read).toEqual([QUICK_SCRIPT, 'other.js']);
});

test('says which module is missing', () => {
  const { load } = setUp();
  expect(() => load('absent.js')).toThrow('there is no module absent.js');
  expect(() => (load('main.js') as Main).loadPackage()).toThrow('there is no module a-package');
});
