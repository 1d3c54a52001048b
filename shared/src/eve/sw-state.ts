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
