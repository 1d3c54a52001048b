// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJsonFile } from '../content/json-file.ts';
import { datastoreOf, treeOf } from '../reconcile/test-fixtures.ts';
import { createConfigSource } from './config-source.ts';
import { createConfiguration } from './configuration.ts';

let folder: string;
let fragments: string;
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-source-'));
  fragments = join(folder, 'device.d');
  await mkdir(fragments);
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await rm(folder, { recursive: true });
});

const documentOf = (...trees: number[]) => ({
  datastores: [datastoreOf(1)],
  contentInfo: trees.map((number) => treeOf(number)),
});
const writeFragment = (name: string, text: string) => writeFile(join(fragments, name), text);

/** One run of the service, on the state that the runs share. */
async function start(watched: string | null = fragments) {
  const clock = createManualClock();
  const applied: number[] = [];
  const configuration = createConfiguration({
    apply({ contentInfo }) {
      applied.push(contentInfo.length);
      return [];
    },
    file: createJsonFile(join(folder, 'last.json'), z.unknown(), silentLog, 0o600),
    wallMs: () => 0,
    log: silentLog,
  });
  const source = createConfigSource(configuration, watched);
  const ending = new AbortController();
  const following = source.follow(clock, ending.signal);
  const stop = async () => {
    ending.abort();
    await following;
  };
  stops.push(stop);
  const isWaiting = () => expect.poll(() => clock.pendingTimers()).toBe(watched === null ? 0 : 1);
  await isWaiting();
  return {
    configuration,
    applied,
    path: source.path,
    put: (document: unknown) => configuration.offer([{ name: '', document }], 'api'),
    /** Twice: what cannot be read is believed at the second look. */
    async look() {
      for (let i = 0; i < 2; i++) {
        clock.advance(1000);
        await isWaiting();
      }
    },
    stop,
  };
}

describe('a folder without fragments', () => {
  it('is no configuration', async () => {
    const { configuration, applied, path } = await start();
    expect([configuration.status().state, applied, path()]).toEqual(['none', [], null]);
  });

  it('leaves in force what was put before a restart', async () => {
    const before = await start(null);
    before.put(documentOf(1, 2));
    await before.stop();
    const { configuration, applied, path, look } = await start();
    await look();
    expect(applied).toEqual([2]);
    expect([configuration.status().state, path()]).toEqual(['applied', null]);
  });

  it('leaves in force what its last fragment said, also after a restart', async () => {
    await writeFragment('a.json', JSON.stringify(documentOf(1)));
    const before = await start();
    expect(before.applied).toEqual([1]);
    await rm(join(fragments, 'a.json'));
    await before.look();
    expect([before.applied, before.path()]).toEqual([[1], null]);
    await before.stop();
    expect((await start()).applied).toEqual([1]);
  });

  it('forgets a bad fragment that is gone', async () => {
    await writeFragment('a.json', '{');
    const { configuration, look, put } = await start();
    await look();
    expect(configuration.status().state).toBe('refused');
    await rm(join(fragments, 'a.json'));
    await look();
    expect(configuration.status()).toMatchObject({ state: 'none', problems: [] });

    put(documentOf(1));
    await writeFragment('a.json', '{');
    await look();
    expect(configuration.status().state).toBe('refused');
    await rm(join(fragments, 'a.json'));
    await look();
    expect(configuration.status()).toMatchObject({ state: 'applied', problems: [], contentTrees: 1 });
  });
});

describe('a fragment', () => {
  it('beats what was put, and says by {} that nothing is wanted', async () => {
    const { configuration, applied, path, look, put } = await start();
    put(documentOf(1, 2, 3));
    await writeFragment('a.json', JSON.stringify(documentOf(4)));
    await look();
    expect([applied, path()]).toEqual([[3, 1], fragments]);
    await writeFragment('a.json', '{}');
    await look();
    expect(applied).toEqual([3, 1, 0]);
    expect(configuration.status()).toMatchObject({ state: 'applied', source: fragments });
  });
});
