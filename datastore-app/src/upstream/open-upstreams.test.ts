// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whyNoUpstreams } from './open-upstreams.ts';

describe('why upstreams cannot be used', () => {
  let stateDirectory: string;
  beforeEach(async () => {
    stateDirectory = await mkdtemp(join(tmpdir(), 'open-upstreams-'));
  });
  afterEach(() => rm(stateDirectory, { recursive: true }));

  const write = (text: string) => writeFile(join(stateDirectory, 'upstreams.yaml'), text);
  const why = (upstreamsFile?: string) => whyNoUpstreams({ stateDirectory, upstreamsFile });

  it('is nothing where nothing is said, or what can be', async () => {
    expect(await why()).toBeUndefined();
    await write('version: 1\nupstreams: [{ prefix: hub, url: "https://registry-1.docker.io" }]\n');
    expect(await why()).toBeUndefined();
  });

  it('names the file, the place and what was meant', async () => {
    await write('version: 1\nupstreams: [{ prefix: hub, ulr: "https://a" }]\n');
    expect(await why()).toBe(
      `the upstreams in ${stateDirectory}/upstreams.yaml cannot be used: upstreams[0].url: it is missing; upstreams[0]: unknown key "ulr": did you mean url?`,
    );
  });

  it('is no answer where a given file is not there, as nothing starts then', async () => {
    await expect(why(join(stateDirectory, 'none.yaml'))).rejects.toThrow('none.yaml does not exist');
  });
});
