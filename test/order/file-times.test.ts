// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TIMES_FILE, WORKSPACE } from './file-sequencer.ts';

it('names files that are there', () => {
  const times: Record<string, number> = JSON.parse(readFileSync(TIMES_FILE, 'utf8'));
  expect(Object.keys(times).filter((file) => !existsSync(join(WORKSPACE, file)))).toEqual([]);
});
