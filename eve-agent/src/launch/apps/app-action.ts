// SPDX-License-Identifier: Apache-2.0
/** What a person may have done to an app. */
export const APP_ACTIONS = ['restart', 'purge'] as const;
export type AppAction = (typeof APP_ACTIONS)[number];
