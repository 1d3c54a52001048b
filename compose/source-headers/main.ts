// SPDX-License-Identifier: Apache-2.0
/** Puts the licence on top of every source; with `--check` it only says where it is missing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { listSources, withHeader } from './source-headers.ts';

const TOP = resolve(import.meta.dirname, '../..');
const isCheck = process.argv.includes('--check');

const wrong = listSources(TOP).filter((path) => {
  const file = join(TOP, path);
  const text = readFileSync(file, 'utf8');
  const headed = withHeader(path, text);
  if (headed !== text && !isCheck) writeFileSync(file, headed);
  return headed !== text;
});
for (const path of wrong) console.error(`${path}: ${isCheck ? 'has' : 'had'} no SPDX header on top`);
if (isCheck && wrong.length > 0) {
  console.error('npm run format puts them there');
  process.exitCode = 1;
}
