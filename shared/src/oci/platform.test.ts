// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Descriptor } from './descriptor.ts';
import { OCI_MANIFEST } from './media-types.ts';
import {
  choosePlatform,
  listPlatforms,
  parsePlatform,
  platformText,
  type WantedPlatform,
} from './platform.ts';

const entry = (text: string | null, index = 0): Descriptor => {
  const [os = '', architecture = '', variant] = text?.split('/') ?? [];
  return {
    mediaType: OCI_MANIFEST,
    digest: { algorithm: 'sha256', hex: String(index).repeat(64) },
    sizeBytes: 1,
    ...(text !== null && { platform: { os, architecture, variant } }),
  };
};
const wanted = (text: string) => parsePlatform(text) as WantedPlatform;
const ATTESTATION = {
  ...entry('linux/amd64'),
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
};

it.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['Linux/AMD64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/i386', 'linux/386'],
  ['linux/riscv64', 'linux/riscv64'],
])('%s is %s', (text, expected) => {
  expect(platformText(wanted(text))).toBe(expected);
});

it.each([
  '',
  'linux',
  'linux/',
  '/amd64',
  'linux/amd64/v1/x',
  'linux amd64',
  'linux/amd64,linux/arm64',
  '../a',
])('%j is no platform', (text) => {
  expect(parsePlatform(text)).toBeNull();
});

const ALL = ['linux/386', 'linux/amd64', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8'];
it.each([
  ['itself', 'linux/amd64', true, ALL, 'linux/amd64'],
  ['the usual variant by another name', 'linux/arm64', true, ALL, 'linux/arm64/v8'],
  ['the variant without its name', 'linux/arm64/v8', true, ['linux/arm64'], 'linux/arm64'],
  ['the best of the older variants', 'linux/arm/v7', true, ['linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v6'],
  ['no newer variant', 'linux/arm/v6', true, ['linux/arm/v7'], null],
  [
    'a variant where there is one',
    'linux/amd64/v3',
    true,
    ['linux/amd64', 'linux/amd64/v2'],
    'linux/amd64/v2',
  ],
  ['no newer level', 'linux/amd64', true, ['linux/amd64/v2'], null],
  ['what a host runs besides', 'linux/amd64', false, ['linux/386'], 'linux/386'],
  ['what a host runs besides, last', 'linux/arm64', false, ['linux/arm/v7', 'linux/arm64'], 'linux/arm64'],
  ['nothing of another architecture by name', 'linux/amd64', true, ['linux/386'], null],
  ['nothing of another system', 'linux/amd64', false, ['windows/amd64'], null],
  ['no attestation', 'unknown/unknown', false, ['unknown/unknown'], null],
  ['the first of several', 'linux/amd64', false, ['linux/amd64', 'linux/amd64'], 'linux/amd64'],
])('chooses %s', (_title, platform, isExact, entries, expected) => {
  const children = entries.map((text, i) => entry(text, i));
  const chosen = choosePlatform(children, wanted(platform), isExact);
  expect(chosen?.platform ? platformText(chosen.platform) : null).toBe(expected);
  if (expected !== null)
    expect(chosen).toBe(children.find(({ platform: each }) => each && platformText(each) === expected));
});

it('takes what states no platform, and nothing that is about an image', () => {
  const [plain, other] = [entry(null), entry('linux/arm64')];
  expect(choosePlatform([ATTESTATION, other, plain], wanted('linux/amd64'), true)).toBe(plain);
  expect(choosePlatform([ATTESTATION], wanted('linux/amd64'), false)).toBeUndefined();
  expect(choosePlatform([], wanted('linux/amd64'), false)).toBeUndefined();
});

it('lists each platform once, without attestations', () => {
  const children = [
    entry('linux/amd64'),
    entry('linux/amd64', 1),
    entry('unknown/unknown'),
    entry('linux/arm/v7'),
    ATTESTATION,
  ];
  expect(listPlatforms(children)).toBe('linux/amd64, linux/arm/v7');
  expect(listPlatforms([entry(null)])).toBe('none');
});
