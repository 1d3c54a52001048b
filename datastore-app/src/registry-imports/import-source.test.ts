// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decideTarget, formatImportSource, originOfSource, parseImportSource } from './import-source.ts';

const HEX = 'ab'.repeat(32);

function sourceOf(text: string) {
  const parsed = parseImportSource(text);
  if (parsed.kind === 'invalid') throw new Error(parsed.reason);
  return parsed.value;
}

describe('a source', () => {
  it.each([
    ['docker://registry.example/lab/app:1.2', 'docker://registry.example/lab/app:1.2'],
    ['docker://registry.example:5000/app', 'docker://registry.example:5000/app'],
    ['docker://localhost/app:1', 'docker://localhost/app:1'],
    ['docker://127.0.0.1:5000/app:1', 'docker://127.0.0.1:5000/app:1'],
    ['docker://[::1]:5000/app:1', 'docker://[::1]:5000/app:1'],
    ['docker://ds-b.local/app:1', 'docker://ds-b.local/app:1'],
    [`docker://r.example/app:1@sha256:${HEX}`, `docker://r.example/app:1@sha256:${HEX}`],
    [`docker://r.example/app@sha512:${HEX}${HEX}`, `docker://r.example/app@sha512:${HEX}${HEX}`],
    ['docker://nginx', 'docker://docker.io/library/nginx'],
    ['docker://nginx:1.29', 'docker://docker.io/library/nginx:1.29'],
    ['docker://grafana/grafana', 'docker://docker.io/grafana/grafana'],
    ['docker://docker.io/nginx', 'docker://docker.io/library/nginx'],
  ])('%s is %s', (text, canonical) => {
    expect(formatImportSource(sourceOf(text))).toBe(canonical);
  });

  it.each([
    ['', 'A source such as'],
    ['oci:folder', 'A source such as'],
    ['https://registry.example/app', 'A source such as'],
    ['docker://', "repository's name"],
    ['docker://registry.example/', 'A repository needs a name'],
    ['docker://registry.example/App:1', 'use "app"'],
    ['docker://registry.example/app:', 'A tag is at most'],
    ['docker://registry.example/app:-x', 'A tag is at most'],
    ['docker://registry.example/app@sha256:12', 'no digest'],
    ['docker://user:secret@registry.example/app', 'No name and password stand'],
    ['docker://registry.example:99999/app', 'no name of a host'],
    ['docker://registry.example/../app', "repository's name"],
    ['docker://registry.example/app?x=1', "repository's name"],
    [`docker://registry.example/${'a'.repeat(2000)}`, 'at most 1024'],
  ])('%j is none', (text, reason) => {
    const parsed = parseImportSource(text);
    expect(parsed).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) });
    expect(JSON.stringify(parsed)).not.toContain('secret@');
  });

  it.each([
    ['docker://registry.example:5000/app', false, 'https://registry.example:5000'],
    ['docker://registry.example/app', true, 'http://registry.example'],
    ['docker://nginx', false, 'https://registry-1.docker.io'],
  ])('%s, insecure %s, is asked at %s', (text, isInsecure, origin) => {
    expect(originOfSource(sourceOf(text), isInsecure).origin).toBe(origin);
  });
});

describe('the name of an import', () => {
  const APP = 'docker://registry.example/lab/app:1.2';
  it.each([
    [APP, undefined, 'lab/app', '1.2'],
    [APP, 'other/name', 'other/name', '1.2'],
    [APP, 'other/name:3', 'other/name', '3'],
    [APP, ':3', undefined, undefined],
    [APP, 'name:', undefined, undefined],
    [APP, `name@sha256:${HEX}`, undefined, undefined],
    ['docker://registry.example/lab/app', undefined, 'lab/app', 'latest'],
    [`docker://registry.example/lab/app@sha256:${HEX}`, undefined, 'lab/app', undefined],
    [`docker://registry.example/lab/app@sha256:${HEX}`, 'app:1', 'app', '1'],
    [`docker://registry.example/lab/app:2@sha256:${HEX}`, undefined, 'lab/app', '2'],
  ])('%s as %s is %s:%s', (source, as, repository, tag) => {
    const target = decideTarget(sourceOf(source), as, { isSeveral: false });
    if (repository === undefined) expect(target.kind).toBe('invalid');
    else expect(target).toMatchObject({ value: { repository, tag, notice: undefined } });
  });

  it('is put into lower case, and that is told', () => {
    expect(decideTarget(sourceOf(APP), 'Lab/App:RC1', { isSeveral: false })).toMatchObject({
      value: { repository: 'lab/app', tag: 'RC1', notice: expect.stringContaining('"lab/app" here') },
    });
  });

  it('is that of the repository alone where there are several tags', () => {
    const source = sourceOf('docker://registry.example/lab/app');
    expect(decideTarget(source, undefined, { isSeveral: true })).toMatchObject({
      value: { repository: 'lab/app', tag: undefined },
    });
    expect(decideTarget(source, 'x:1', { isSeveral: true })).toMatchObject({ kind: 'invalid' });
  });
});
