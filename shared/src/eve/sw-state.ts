// SPDX-License-Identifier: Apache-2.0
/** EVE's `SwState` as far as content goes, in EVE's order. */
export const SW_STATES = [
  'INITIAL',
  'RESOLVING_TAG',
  'RESOLVED_TAG',
  'DOWNLOADING',
  'DOWNLOADED',
  'VERIFYING',
  'VERIFIED',
  'LOADING',
  'LOADED',
  'CREATING_VOLUME',
  'CREATED_VOLUME',
  'INSTALLED',
] as const;
export type SwState = (typeof SW_STATES)[number];

/** EVE's `SwState` of applications: that of their content, and what comes after it. */
export const APP_STATES = [
  ...SW_STATES,
  'START_DELAYED',
  'BOOTING',
  'RUNNING',
  'HALTING',
  'HALTED',
  'RESTARTING',
  'PURGING',
  'BROKEN',
] as const;
export type AppState = (typeof APP_STATES)[number];
