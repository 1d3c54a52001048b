// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { isImageReference, parseRegistryImage } from './image-reference.ts';

const HEX = '0123456789abcdef'.repeat(4);

it.each([
  ['docker://ds.local/p/g/app:1', 'http://ds.local/', 'p/g/app', 'ds.local/p/g/app:1'],
  ['docker://ds.local:8080/app', 'http://ds.local:8080/', 'app', 'ds.local:8080/app:latest'],
  ['docker://127.0.0.1:5000/app', 'http://127.0.0.1:5000/', 'app', '127.0.0.1:5000/app:latest'],
  ['docker://[::1]:5000/app', 'http://[::1]:5000/', 'app', '[::1]:5000/app:latest'],
  ['docker://localhost/app', 'http://localhost/', 'app', 'localhost/app:latest'],
  ['docker://192.0.2.1:5000/app', 'https://192.0.2.1:5000/', 'app', '192.0.2.1:5000/app:latest'],
  ['docker://quay.io/a/b:v1', 'https://quay.io/', 'a/b', 'quay.io/a/b:v1'],
  // Docker Hub, by its short names and by its older ones.
  ['docker://nginx', 'https://registry-1.docker.io/', 'library/nginx', 'docker.io/library/nginx:latest'],
  ['docker://nginx:1.27', 'https://registry-1.docker.io/', 'library/nginx', 'docker.io/library/nginx:1.27'],
  ['docker://lfedge/eve', 'https://registry-1.docker.io/', 'lfedge/eve', 'docker.io/lfedge/eve:latest'],
  ['docker://docker.io/nginx', 'https://registry-1.docker.io/', 'library/nginx', null],
  ['docker://index.docker.io/lfedge/eve', 'https://registry-1.docker.io/', 'lfedge/eve', null],
])('%s', (text, registry, repository, name) => {
  const image = parseRegistryImage(text);
  expect([image.registry.href, image.repository]).toEqual([registry, repository]);
  if (name !== null) expect(image.name).toBe(name);
});

it.each([
  [`docker://ds.local/app@sha256:${HEX}`, null, HEX, null],
  [`docker://ds.local/app:1@sha256:${HEX}`, '1', HEX, 'ds.local/app:1'],
  [`docker://ds.local/app:sha256-${HEX}`, `sha256-${HEX}`, undefined, `ds.local/app:sha256-${HEX}`],
])('%s is of this tag and digest', (text, tag, hex, taggedName) => {
  const image = parseRegistryImage(text);
  expect([image.tag, image.digest?.hex, image.taggedName]).toEqual([tag, hex, taggedName]);
});

it('speaks to the registry as it is told', () => {
  expect(parseRegistryImage('docker://ds.local/app', 'https').registry.href).toBe('https://ds.local/');
  expect(parseRegistryImage('docker://quay.io/a/b', 'http').registry.href).toBe('http://quay.io/');
});

it.each([
  ['docker://', 'repository is missing'],
  ['docker://ds.local', 'repository is missing'],
  ['docker://ds.local:8080', 'repository is missing'],
  ['docker://ds.local/', 'needs a name'],
  ['docker://ds.local/App', 'use "app"'],
  ['docker://user:secret@ds.local/app', 'holds a user name'],
  ['docker://ds.local:99999/app', 'no host'],
  ['docker://ds.local/app:', 'A tag is'],
  ['docker://ds.local/app@sha256:12', 'no digest'],
  ['docker://ds.local/app?x', 'lower-case'],
  ['docker://ds.local/../app', 'lower-case'],
  ['docker://http://ds.local/app', 'no name of a host'],
  ['docker://ds.local./app', 'no name of a host'],
])('%s names no image: %s', (text, reason) => {
  expect(() => parseRegistryImage(text)).toThrow(reason);
});

it('does not repeat a password', () => {
  expect(() => parseRegistryImage('docker://user:secret@ds.local/app')).not.toThrow('secret');
});

it('is told from a URL by its scheme', () => {
  expect(['docker://a', 'http://ds.local/a', 'dockerx://a', 'DOCKER://a'].map(isImageReference)).toEqual([
    ...[true, false, false, false],
  ]);
});
