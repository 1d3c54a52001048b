// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ConfigurationSource, openConfigurationSource } from './configuration-source.ts';

let folder: string;
let file: string;
let stop: AbortController;
const clock = createManualClock();
const error = vi.fn();
const warn = vi.fn();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'configuration-'));
  file = join(folder, 'config.json');
  stop = new AbortController();
  vi.clearAllMocks();
});
afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true });
});

async function write(content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}
const document = (...names: readonly string[]) =>
  JSON.stringify({ clients: [], deployments: names.map((name) => ({ name })) });
const open = () =>
  openConfigurationSource(file, { clock, wallMs: () => 0, log: { ...silentLog, error, warn } });
const namesOf = (source: ConfigurationSource) => [...source.current().deployments.keys()];
/** Lets it look again until something holds. */
const looked = (check: () => void) =>
  vi.waitFor(() => {
    clock.advance(1000);
    check();
  }, 60_000);

it('is read again when it changes, as a whole', async () => {
  await write(document('a'));
  const source = await open();
  void source.follow(stop.signal);
  await write(document('a', 'b'));
  await looked(() => expect(namesOf(source)).toEqual(['a', 'b']));
  await write('{"deployments": [');
  await looked(() => expect(source.view().problem).toContain('no JSON'));
  expect(namesOf(source)).toEqual(['a', 'b']);
  expect(error).toHaveBeenCalledWith(expect.anything(), 'new deployments cannot be used: the old ones stay');
  await write(document('c'));
  await looked(() => expect(namesOf(source)).toEqual(['c']));
  expect(source.view()).toMatchObject({ problem: null, warnings: [] });
});

it('what the service was built with is in force from its next start on, and that is said', async () => {
  await write(document('a'));
  const source = await open();
  void source.follow(stop.signal);
  await write(JSON.stringify({ container_prefix: 'x_', tls_key: '/k', deployments: [{ name: 'b' }] }));
  await looked(() => expect(namesOf(source)).toEqual(['b']));
  expect(source.current()).toMatchObject({ prefix: 'ed_', tls: { key: '/etc/edd/server.key' } });
  expect(source.view().warnings).toEqual([
    'what container_prefix, tls_key says now is in force from the next start on',
  ]);
  expect(warn).toHaveBeenCalledWith(expect.anything(), expect.stringContaining('may do everything'));
});

it('cannot be used at the start: nothing starts', async () => {
  await expect(open()).rejects.toBeInstanceOf(ConfigurationError);
  await write('[]');
  await expect(open()).rejects.toThrow(file);
});
