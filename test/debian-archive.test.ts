// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aptArchives } from './debian-archive.ts';
import { describeWith } from './requirements.ts';

const ONE_LINE = `# deb http://off.example/debian bookworm main
deb [arch=amd64] http://line.example/debian bookworm main contrib
deb http://line.example/debian bookworm-updates main
`;
const DEB822 = `Types: deb
URIs: https://stanza.example/mirror/debian/
Suites: bookworm bookworm-backports
Components: main

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
`;

describeWith(['apt'], 'the archives of apt’s sources', () => {
  let etc: string;
  let options: string[];

  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'apt-sources-'));
    for (const folder of ['sources.list.d', 'lists']) mkdirSync(join(etc, folder));
    const settings = {
      'Dir::Etc::sourcelist': 'sources.list',
      'Dir::Etc::sourceparts': 'sources.list.d',
      'Dir::State::lists': 'lists/',
    };
    options = Object.entries(settings).map(([name, file]) => `-o${name}=${join(etc, file)}`);
  });
  afterEach(() => rmSync(etc, { recursive: true }));

  const put = (name: string, text: string) => writeFileSync(join(etc, name), text);

  test('none where no file names one', () => {
    expect(aptArchives(options)).toEqual([]);
  });

  test('each of the list, and of its folder, once', () => {
    put('sources.list', ONE_LINE);
    put('sources.list.d/extra.list', 'deb http://extra.example/x bookworm stable\n');
    expect(aptArchives(options).sort()).toEqual(['http://extra.example/x', 'http://line.example/debian']);
  });

  test('those of stanzas that are not turned off', () => {
    put('sources.list.d/debian.sources', DEB822);
    expect(aptArchives(options)).toEqual(['https://stanza.example/mirror/debian']);
  });
});
