// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createHeadingAnchors } from './heading-anchors.ts';

it.each([
  [['What goes wrong'], ['what-goes-wrong']],
  [['Images: in, out, and in place'], ['images-in-out-and-in-place']],
  [['resolv.conf and /etc'], ['resolvconf-and-etc']],
  [['With `--page`'], ['with---page']],
  [['Größe der Abbilder'], ['größe-der-abbilder']],
  [['snake_case'], ['snake_case']],
  [
    ['Limits', 'Limits', 'Limits'],
    ['limits', 'limits-1', 'limits-2'],
  ],
])('names %j %j', (headings, anchors) => {
  expect(headings.map(createHeadingAnchors())).toEqual(anchors);
});
