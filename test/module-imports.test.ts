// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { readImports, readRunningImports } from './module-imports.ts';

const TEXT = [
  "import { readFile, type Stats } from 'node:fs/promises';",
  "import type { Socket } from 'node:net';",
  "import {\n  connect,\n} from 'node:tls';",
  "import * as dns from 'node:dns';",
  "import fs from 'node:fs';",
  "import 'node:repl';",
  "export { a } from './a.ts';",
  "const b = await import('./b.ts');",
  "const c = process.getBuiltinModule('node:vm');",
].join('\n');

const shown = (imports: ReturnType<typeof readImports>) =>
  imports.map(({ specifier, names }) => `${specifier} ${names ?? '*'}`);

it('sees every form of an import, and no type', () => {
  expect(shown(readRunningImports(TEXT))).toEqual([
    ...['node:fs/promises readFile', 'node:tls connect', 'node:dns *', 'node:fs *', 'node:repl *'],
    ...['./a.ts a', './b.ts *', 'node:vm *'],
  ]);
});

it('sees types, where they are asked for', () => {
  expect(shown(readImports(TEXT))).toContain('node:net Socket');
  expect(shown(readImports("type A = import('./a.ts').A;"))).toEqual(['./a.ts *']);
});
