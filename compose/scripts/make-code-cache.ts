// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/**
 * Compiles every function of a script, and writes a cache of what it compiled to.
 *
 * usage: make-code-cache.ts SCRIPT CACHE
 */
const [script = '', cache = ''] = process.argv.slice(2);
// By itself V8 leaves most functions for their first call, and out of the cache.
setFlagsFromString('--no-lazy');
const compiled = new Script(readFileSync(script, 'latin1'));
// As they are where the cache is used: it tells which flags it was made under, and is refused under others.
for (const flag of ['--lazy', '--hash-seed=0']) setFlagsFromString(flag);
writeFileSync(cache, compiled.createCachedData());
