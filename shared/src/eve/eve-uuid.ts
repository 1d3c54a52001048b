// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/**
 * A UUID as EVE takes it: whatever its version and variant say, as not every controller makes those of
 * RFC 9562 (`z.uuid()` takes no others).
 */
export const eveUuid = z.guid({
  error: 'a UUID expected: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12',
});
