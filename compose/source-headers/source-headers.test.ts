// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { listSources, withHeader } from './source-headers.ts';

it.each([
  ['a.ts', 'const a = 1;\n', '// SPDX-License-Identifier: Apache-2.0\nconst a = 1;\n'],
  ['a.ts', '', '// SPDX-License-Identifier: Apache-2.0\n'],
  [
    'bin.ts',
    '#!/usr/bin/env node\nrun();\n',
    '#!/usr/bin/env node\n// SPDX-License-Identifier: Apache-2.0\nrun();\n',
  ],
  ['a.css', 'a {}\n', '/* SPDX-License-Identifier: Apache-2.0 */\na {}\n'],
  ['compose/Dockerfile', 'FROM x\n', '# SPDX-License-Identifier: Apache-2.0\nFROM x\n'],
  ['.ci/run', '#!/bin/bash\n:\n', '#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n:\n'],
  [
    'cloud-config.yaml',
    '#cloud-config\nruncmd:\n',
    '#cloud-config\n# SPDX-License-Identifier: Apache-2.0\nruncmd:\n',
  ],
  // Where imports were sorted it may have gone along with the first.
  [
    'moved.ts',
    "import 'a';\n// SPDX-License-Identifier: Apache-2.0\nimport 'b';\n",
    "// SPDX-License-Identifier: Apache-2.0\nimport 'a';\nimport 'b';\n",
  ],
])('%s: %j', (path, text, headed) => {
  expect(withHeader(path, text)).toBe(headed);
  expect(withHeader(path, headed)).toBe(headed);
});

it('is no matter of what can hold no comment', () => {
  expect(() => withHeader('a.json', '{}')).toThrow('a.json: no comment can stand in it');
});

it('finds what was written by hand', async () => {
  const top = await mkdtemp(join(tmpdir(), 'sources-'));
  const files = ['vitest.config.ts', 'shared/src/a.ts', 'test/lab/b.py', 'compose/Dockerfile', '.ci/run'];
  const others = ['shared/a.json', 'compose/node_modules/x/a.ts', 'datastore-app/dist/a.ts', 'other/a.ts'];
  for (const file of [...files, ...others]) {
    await mkdir(dirname(join(top, file)), { recursive: true });
    await writeFile(join(top, file), '');
  }
  expect(listSources(top)).toEqual(files.toSorted());
  await rm(top, { recursive: true });
});
