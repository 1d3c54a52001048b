// SPDX-License-Identifier: Apache-2.0
/** What was done. `refused`: it was to be changed, and was not. `lost`: changes that could not be written down. */
export const CHANGE_ACTIONS = [
  'created',
  'replaced',
  'deleted',
  'renamed',
  'released',
  'unreleased',
  'pushed',
  'tagged',
  'untagged',
  'imported',
  'fetched',
  'collected',
  'discarded',
  'refused',
  'lost',
] as const;
export type ChangeAction = (typeof CHANGE_ACTIONS)[number];

/** By which way in. */
export const CHANGE_WAYS = [
  'PUT',
  'POST',
  'DELETE',
  'PATCH',
  'tus',
  'bundle',
  'registry',
  'operation',
  'api',
  'archive',
  'import job',
  'command',
  'datastore',
] as const;
export type ChangeWay = (typeof CHANGE_WAYS)[number];
