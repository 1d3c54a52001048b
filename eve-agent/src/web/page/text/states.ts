// SPDX-License-Identifier: Apache-2.0
import type { AppState } from '@local-datastore/shared/eve/sw-state';
import type { Mood } from '../ui/badge.tsx';

/** EVE's words, and what they mean. */
export const STATE_MEANINGS = {
  INITIAL: 'nothing is done yet',
  RESOLVING_TAG: 'the registry is asked what the tag means',
  RESOLVED_TAG: 'it is known what the tag means',
  DOWNLOADING: 'the image is on its way',
  DOWNLOADED: 'the image has come; it is not verified yet',
  VERIFYING: 'the digest is being checked',
  VERIFIED: 'the image is here, and what the configuration names',
  LOADING: 'the image is being given to the engine',
  LOADED: 'the engine has the image',
  CREATING_VOLUME: 'a disk is being made',
  CREATED_VOLUME: 'its disk is there',
  INSTALLED: 'all is there; it can be started',
  START_DELAYED: 'it waits for its turn to start',
  BOOTING: 'it is being started',
  RUNNING: 'it runs',
  HALTING: 'it is being stopped',
  HALTED: 'it does not run, as the configuration wants it',
  RESTARTING: 'it is stopped and started again',
  PURGING: 'it is made anew from its image',
  BROKEN: 'it cannot run as it is configured',
} as const satisfies Record<AppState, string>;

/** How an app or a content tree is, beside its word. */
export function moodOf(state: AppState, error: string): Mood {
  if (state === 'BROKEN' || error !== '') return 'bad';
  if (state === 'RUNNING' || state === 'VERIFIED') return 'good';
  return state === 'HALTED' || state === 'INITIAL' ? 'off' : 'busy';
}
