// SPDX-License-Identifier: Apache-2.0
/** What a bundle calls the launcher, and the first argument of an executable that is to be one. */
export const LAUNCHER_NAME = 'calf-launcher';

/** The first argument of an executable that is to be a calf; the second is the asset with its program. */
export const CALF_ROLE = 'calf';

/** What a bundle and an executable call a calf's program. */
export const calfScriptName = (name: string) => `calf-${name}.js`;
