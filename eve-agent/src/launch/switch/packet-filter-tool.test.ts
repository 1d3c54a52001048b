// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { findTool, runTool } from './packet-filter-tool.ts';

const { signal } = new AbortController();

describe('runTool', () => {
  it('hands in, and has what is written', async () => {
    expect(await runTool('/bin/cat', [], signal, 'add table a\n')).toBe('add table a\n');
  });
  it('words are words: there is no shell', async () => {
    expect(await runTool('/bin/echo', ['$HOME; ls', '*'], signal)).toBe('$HOME; ls *\n');
  });
  it('nothing of the environment goes along', async () => {
    const names = (await runTool('/usr/bin/env', [], signal))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).toEqual(['PATH', 'LC_ALL']);
  });
  it('says how it failed', async () => {
    await expect(runTool('/bin/ls', ['/none'], signal)).rejects.toThrow(/\/bin\/ls ended with 2: .*\/none/);
    await expect(runTool('/none/none', [], signal)).rejects.toThrow('ENOENT');
  });
  it('ends with its signal', async () => {
    const ending = new AbortController();
    const running = runTool('/bin/sleep', ['1000'], ending.signal);
    ending.abort(new Error('enough'));
    await expect(running).rejects.toThrow();
  });
});

describe('findTool', () => {
  it('looks where such programs stand', async () => {
    expect(await findTool('ls')).toMatch(/^\/(?:usr\/)?bin\/ls$/);
    expect(await findTool('none-of-this-name')).toBeNull();
  });
});
