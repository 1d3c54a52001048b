// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBacking, readUpstreams } from './upstream-settings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upstreams-'));
  await writeFile(join(folder, 'hub.password'), 'secret-of-the-hub\n');
});
afterEach(() => rm(folder, { recursive: true }));

async function read(text: string) {
  const file = join(folder, 'upstreams.yaml');
  await writeFile(file, text);
  return readUpstreams(file).registries;
}
const withOne = (lines: string) => `version: 1\nupstreams:\n  - ${lines.replaceAll('\n', '\n    ')}\n`;

it('reads what is said of an upstream, with files beside it', async () => {
  const [hub] = await read(
    withOne(
      'prefix: hub\nurl: https://registry-1.docker.io\nnamespace: docker.io\ncredentials: { user: u, passwordFile: hub.password }\nallow: ["library/**"]\ntags: { check: 1h, budget: 500ms }',
    ),
  );
  expect(hub).toMatchObject({
    ...{ prefix: 'hub', namespace: 'docker.io', checkMs: 3_600_000, budgetMs: 500, ca: undefined },
    credential: { user: 'u', password: 'secret-of-the-hub' },
  });
  expect(hub?.url.href).toBe('https://registry-1.docker.io/');
  expect(['library/nginx', 'lab/app'].map((name) => hub?.allows(name))).toEqual([true, false]);
});

it('takes everything of an upstream of which no more is said than where it is', async () => {
  const [site] = await read(withOne('prefix: site/b\nurl: http://ds-b.local:5000'));
  expect(site).toMatchObject({ credential: undefined, checkMs: 600_000, budgetMs: 2000 });
  expect(site?.allows('any/thing')).toBe(true);
});

it.each([
  ['no version', 'upstreams: []', 'version'],
  ['a word of nobody', withOne('prefix: hub\nurl: https://a\nfoo: 1'), 'foo'],
  [
    'a prefix that is no name',
    withOne('prefix: Hub\nurl: https://a'),
    'upstreams[0].prefix: a name in lower case',
  ],
  ['the name of the archives', withOne('prefix: archives/x\nurl: https://a'), "archives' name"],
  ['a path in the URL', withOne('prefix: hub\nurl: https://a/v2/'), 'scheme, host and port expected'],
  ['another scheme', withOne('prefix: hub\nurl: docker://a'), 'scheme, host and port expected'],
  [
    'a password in the URL',
    withOne('prefix: hub\nurl: https://u:secret-of-the-hub@a'),
    'a password stands in credentials',
  ],
  [
    'a time that is none',
    withOne('prefix: hub\nurl: https://a\ntags: { check: soon }'),
    'a time such as 30s',
  ],
  ['no file of that name', withOne('prefix: hub\nurl: https://a\nca: none.pem'), 'none.pem cannot be read'],
  [
    'no password',
    withOne('prefix: hub\nurl: https://a\ncredentials: { user: u, passwordFile: none }'),
    'passwordFile',
  ],
  [
    'two in one place',
    'version: 1\nupstreams:\n  - { prefix: hub, url: "https://a" }\n  - { prefix: hub/x, url: "https://b" }\n',
    'hub: two upstreams',
  ],
])('refuses %s, and says so without a secret', async (_title, text, message) => {
  const failure = await read(text).catch((error: Error) => error);
  expect(String(failure)).toContain(message);
  expect(String(failure)).not.toContain('secret-of-the-hub');
});

describe('what a repository comes from', () => {
  it.each([
    ['hub/nginx', 'library/nginx'],
    ['hub/library/nginx', 'library/nginx'],
    ['hub/lab/app', 'lab/app'],
    ['site/app', 'app'],
    ['site/a/b', 'a/b'],
    ['hub', undefined],
    ['hubs/nginx', undefined],
    ['lab/hub/nginx', undefined],
  ])('%s', async (name, repository) => {
    const upstreams = await read(
      'version: 1\nupstreams:\n  - { prefix: hub, url: "https://registry-1.docker.io" }\n  - { prefix: site, url: "http://ds-b.local" }\n',
    );
    expect(findBacking(upstreams, name)?.repository).toBe(repository);
  });
});
