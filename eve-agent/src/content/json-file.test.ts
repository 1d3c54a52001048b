// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJsonFile } from './json-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-file-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A log, and the fields and text of each line of it. */
function keepLog() {
  const lines: unknown[][] = [];
  const keep = (...line: unknown[]) => void lines.push(line);
  return { log: { ...silentLog, warn: keep, error: keep }, lines };
}

describe('a JSON file', () => {
  it('gives back what was written, and null for what it cannot read', async () => {
    const path = join(folder, 'deep', 'x.json');
    const { log, lines } = keepLog();
    const file = createJsonFile(path, z.object({ n: z.number() }), log, 0o600);
    expect(file.read()).toBeNull();
    expect(lines).toEqual([]);
    file.write({ n: 1 });
    expect([file.read(), (await stat(path)).mode & 0o777]).toEqual([{ n: 1 }, 0o600]);
    for (const [text, reason] of [
      ['{"password":"hunter2', 'it is not JSON'],
      ['{"n":"hunter2"}', 'it is not of the form that is written there'],
    ] as const) {
      await writeFile(path, text);
      expect(file.read()).toBeNull();
      expect(lines.pop()).toMatchObject([{ file: path, reason }, expect.stringContaining('left out')]);
    }
  });
});
