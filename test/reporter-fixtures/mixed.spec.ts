// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { describeWith } from '../requirements.ts';

test('passes', () => expect(1).toBe(1));

test('says why it does not run', ({ skip }) => skip('the moon is not full'));

describeWith(['chromium'], 'needs what the search path lacks', () => {
  describe('inside', () => {
    test('never runs', () => expect(1).toBe(2));
    test('never runs either', () => expect(1).toBe(2));
  });
});
