// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { planImages } from './plan-images.ts';

const REPOSITORY = 'ed_web';
const plan = (images: Record<string, readonly string[]>, used: readonly string[], serving: string | null) =>
  planImages(
    Object.entries(images).map(([id, tags]) => ({ id, tags })),
    REPOSITORY,
    new Set(used),
    serving,
  ).map((step) =>
    step.kind === 'untag-image' ? `- ${step.tag}` : `+ ${step.image} ${step.repository}:${step.tag}`,
  );

describe('planImages', () => {
  it.each([
    ['the first version', { a: ['ed_web:a'] }, ['a'], 'a', ['+ a ed_web:latest']],
    ['what is right', { a: ['ed_web:a', 'ed_web:latest'] }, ['a'], 'a', []],
    [
      'the next version, the old one kept',
      { a: ['ed_web:a', 'ed_web:latest'], b: ['ed_web:b'] },
      ['a', 'b'],
      'b',
      ['+ b ed_web:latest'],
    ],
    [
      'the next version, the old one gone: its tag has moved',
      { a: ['ed_web:a', 'ed_web:latest'], b: ['ed_web:b'] },
      ['b'],
      'b',
      ['+ b ed_web:latest', '- ed_web:a'],
    ],
    [
      'a version that was refused',
      { a: ['ed_web:a', 'ed_web:latest'], b: ['ed_web:b'] },
      ['a'],
      'a',
      ['- ed_web:b'],
    ],
    ['tags of others', { a: ['ed_web:a', 'mine:1', 'ed_web2:a'] }, [], null, ['- ed_web:a']],
    [
      'nothing that is deployed',
      { a: ['ed_web:a', 'ed_web:latest'] },
      [],
      null,
      ['- ed_web:a', '- ed_web:latest'],
    ],
    ['one that was not loaded here', { a: ['ed_web:a', 'ed_web:latest'] }, ['a', 'x'], 'x', []],
  ] as const)('%s', (_what, images, used, serving, steps) => {
    expect(plan(images, used, serving)).toEqual(steps);
  });
});
