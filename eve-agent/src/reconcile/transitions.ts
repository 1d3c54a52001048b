// SPDX-License-Identifier: Apache-2.0
import type { SwState } from '@local-datastore/shared/eve/sw-state';

/** Those of EVE's SwState that content passes on its way to this host. */
export const CONTENT_STATES = [
  'INITIAL',
  'RESOLVING_TAG',
  'RESOLVED_TAG',
  'DOWNLOADING',
  'DOWNLOADED',
  'VERIFYING',
  'VERIFIED',
] as const satisfies readonly SwState[];
export type ContentState = (typeof CONTENT_STATES)[number];

export const CONTENT_EVENTS = [
  /** A registry is asked which image a name stands for. */
  'resolution-started',
  /** It has said so: what the image is made of is content of its own. */
  'resolved',
  /** A download begins, or goes on after a failure. */
  'download-started',
  /** The last byte is here. */
  'content-arrived',
  /** At the start: a whole file waits in `pending`, its digest not yet trusted. */
  'found-pending',
  /** At the start: the file is in `verified`. */
  'found-verified',
  'verification-started',
  'digest-matched',
  'digest-differed',
  /** The digest is right, but the disk did not take the file to `verified`: it waits in `pending`. */
  'promotion-failed',
  /** The download or the verification ended with an error, or was stopped. */
  'attempt-ended',
  /** A scrub found other bytes, or the file is gone. */
  'content-lost',
] as const;
export type ContentEvent = (typeof CONTENT_EVENTS)[number];

/** The one table of what may follow what. What does not stand here must not happen. */
export const TRANSITIONS: Readonly<
  Record<ContentState, Readonly<Partial<Record<ContentEvent, ContentState>>>>
> = {
  INITIAL: {
    'resolution-started': 'RESOLVING_TAG',
    'download-started': 'DOWNLOADING',
    'found-pending': 'DOWNLOADED',
    'found-verified': 'VERIFIED',
  },
  RESOLVING_TAG: {
    resolved: 'RESOLVED_TAG',
    'attempt-ended': 'INITIAL',
  },
  RESOLVED_TAG: {
    'download-started': 'DOWNLOADING',
  },
  DOWNLOADING: {
    'content-arrived': 'DOWNLOADED',
    'attempt-ended': 'INITIAL',
  },
  DOWNLOADED: {
    'verification-started': 'VERIFYING',
    'content-lost': 'INITIAL',
  },
  VERIFYING: {
    'digest-matched': 'VERIFIED',
    'digest-differed': 'INITIAL',
    'promotion-failed': 'DOWNLOADED',
    'attempt-ended': 'INITIAL',
    // A resumed file whose prefix was wrong is fetched again within the same download.
    'download-started': 'DOWNLOADING',
  },
  VERIFIED: {
    'content-lost': 'INITIAL',
  },
};

/** @throws Error for an event that must not happen in this state: a fault of the program */
export function nextState(state: ContentState, event: ContentEvent): ContentState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) throw new Error(`${event} cannot happen in ${state}`);
  return next;
}
