// SPDX-License-Identifier: Apache-2.0
import { type Check, skipped, warning } from '../check.ts';
import { partAnswer } from '../file-answer.ts';
import { acceptRangesAdvice } from '../server-advice.ts';

/** EVE reads the field on the 206 as well, and goes wrong without it. */
export const acceptRangesCheck: Check = {
  id: 'accept-ranges',
  title: 'Accept-Ranges on 206',
  judge(evidence) {
    const part = partAnswer(evidence);
    if (part === null || part.statusCode !== 206) return skipped('no part was answered');
    // Go reads the first of several.
    const value = [part.headers['accept-ranges']].flat()[0];
    if (value === 'bytes') return { summary: 'bytes' };
    return {
      summary: value ?? 'missing',
      findings: [
        warning(
          'accept-ranges-missing',
          '"Accept-Ranges: bytes" is missing on the 206: with EVE 16 and later an interrupted download ends short and fails its check',
          acceptRangesAdvice(part.headers),
        ),
      ],
    };
  },
};
