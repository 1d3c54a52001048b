// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What came by multicast DNS while somebody listened, as documents tell it. */
export const packetCountsSchema = () =>
  z
    .object({ received: z.number(), malformed: z.number(), rejected: z.number() })
    .describe('Packets of multicast DNS.');
