// SPDX-License-Identifier: Apache-2.0
import { collectEarly } from '@local-datastore/shared/early-collection';

/** To be imported first: what the other modules make is collected so, too. */
collectEarly();
