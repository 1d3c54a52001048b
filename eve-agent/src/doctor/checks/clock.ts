// SPDX-License-Identifier: Apache-2.0
import { singleValue } from '../../transfer/validators.ts';
import { type Check, skipped, warning } from '../check.ts';

/** Certificates and `Retry-After` bear less than this. */
const MAX_SKEW_MS = 5 * 60 * 1000;

export const clockCheck: Check = {
  id: 'clock',
  title: 'Clock',
  judge({ whole }) {
    if (whole?.kind !== 'answered') return skipped('nothing was answered');
    const date = singleValue(whole.headers, 'date');
    const dateMs = Date.parse(date ?? '');
    if (Number.isNaN(dateMs)) return skipped('the datastore does not tell the time');
    const skewSeconds = Math.round((dateMs - whole.receivedAtMs) / 1000);
    const facts = { skewSeconds };
    if (Math.abs(skewSeconds) * 1000 <= MAX_SKEW_MS) return { summary: 'agrees with this host’s', facts };
    const how = `${Math.abs(skewSeconds)} s ${skewSeconds < 0 ? 'behind' : 'ahead of'} this host’s`;
    return {
      summary: how,
      facts,
      findings: [
        warning(
          'clock-skew',
          `the datastore’s clock is ${how}: certificates may not be valid yet, or no longer`,
          'set both clocks; a VM without network needs the host’s clock or an RTC',
        ),
      ],
    };
  },
};
