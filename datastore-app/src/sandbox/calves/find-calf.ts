// SPDX-License-Identifier: Apache-2.0
import type { CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { findCalfCode } from '@local-datastore/shared/confinement/launcher/calf-code';

/** Where the program of a calf of the datastore is to be found: a folder beside this file, or what was made of it. */
export const findCalf = (name: string): CalfCode => findCalfCode(name, import.meta.url);
