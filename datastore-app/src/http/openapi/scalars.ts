// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What the schemas of many answers are made from. */

export const bytes = z.number().int().nonnegative();
/** RFC 3339, in UTC. */
export const time = z.iso.datetime();
/** In lower case. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
