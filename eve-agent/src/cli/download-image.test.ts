// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { platformText } from '@local-datastore/shared/oci/platform';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseRegistryImage } from '../registry/image-reference.ts';
import { platformWish } from './container-options.ts';
import { decideImageTarget } from './download-image.ts';

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'image-target-')));
  await mkdir(join(folder, 'there'));
  await writeFile(join(folder, 'file'), '');
  await symlink('there', join(folder, 'link'));
  await symlink('nowhere', join(folder, 'loose'));
});
afterAll(() => rm(folder, { recursive: true }));
const TAGGED = 'docker://ds.local/p/g/app:1.2';
const PINNED = `docker://ds.local/app@sha256:${'0123456789abcdef'.repeat(4)}`;

it.each([
  ['oci-layout', TAGGED, undefined, resolve('app')],
  ['oci-archive', TAGGED, undefined, resolve('app-1.2.tar')],
  ['docker-archive', PINNED, undefined, resolve('app-0123456789ab.tar')],
] as const)('puts %s of %s to %s', (form, image, output, path) => {
  expect(decideImageTarget(parseRegistryImage(image), form, output)).toBe(path);
});

it.each([
  ['oci-layout', 'there', 'there'],
  ['oci-layout', 'new', 'new'],
  ['oci-layout', 'link', 'there'],
  // Refused when it is opened: it is no folder.
  ['oci-layout', 'loose', 'loose'],
  ['docker-archive', 'there', 'there/app-1.2.tar'],
  ['docker-archive', 'file', 'file'],
  ['docker-archive', 'new.tar', 'new.tar'],
] as const)('puts %s to %s where it is told to', (form, output, path) => {
  const target = decideImageTarget(parseRegistryImage(TAGGED), form, join(folder, output));
  expect(target).toBe(join(folder, path));
});

it.each([
  ['oci-layout', 'file', 'is no directory'],
  ['docker-archive', 'new/', 'no such directory'],
] as const)('does not put %s to %s', (form, output, why) => {
  const decide = () => decideImageTarget(parseRegistryImage(TAGGED), form, `${folder}/${output}`);
  expect(decide).toThrow(why);
});

it.each([
  ['x64', 'linux/amd64'],
  ['ia32', 'linux/386'],
  ['arm64', 'linux/arm64'],
  ['arm', 'linux/arm/v7'],
  ['ppc64', 'linux/ppc64le'],
  ['riscv64', 'linux/riscv64'],
])('wants what runs on %s: %s', (machine, platform) => {
  const wish = platformWish({}, machine);
  expect([platformText(wish.platform), wish.isExact]).toEqual([platform, false]);
});
