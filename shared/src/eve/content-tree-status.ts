// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { SW_STATES } from './sw-state.ts';

/** EVE's `ErrorSeverity`, by the names of its protobuf. */
export const ERROR_SEVERITIES = [
  'SEVERITY_UNSPECIFIED',
  'SEVERITY_NOTICE',
  'SEVERITY_WARNING',
  'SEVERITY_ERROR',
] as const;
export type ErrorSeverity = (typeof ERROR_SEVERITIES)[number];

/** What a person asked for: `paused` keeps what has arrived, `cancelled` does not. */
export const HOLDS = ['none', 'paused', 'cancelled'] as const;
export type Hold = (typeof HOLDS)[number];

/**
 * How far a content tree is: EVE's `ContentTreeStatus`, and of its `DownloaderStatus` what is said of the one
 * file of the tree. Sizes in bytes, times in RFC 3339, '' where there is none.
 */
export const contentTreeStatusSchema = z.looseObject({
  ContentID: z.string(),
  DisplayName: z.string(),
  DatastoreIDList: z.array(z.string()),
  /** The one in use, or used last; ''. */
  DatastoreID: z.string(),
  RelativeURL: z.string(),
  Format: z.string(),
  ContentSha256: z.string(),
  MaxDownloadSize: z.number(),
  GenerationCounter: z.number(),
  State: z.enum(SW_STATES),
  /** In percent. */
  Progress: z.number(),
  CurrentSize: z.number(),
  TotalSize: z.number(),
  /** Set while space for the rest of a download is kept free. */
  ReservedSpace: z.number(),
  /** Where the verified file is to be found; '' before. */
  FileLocation: z.string(),
  /** How many content trees have this content. */
  RefCount: z.number(),
  /** When the content was last referred to by a configuration. */
  LastUse: z.string(),
  RetryCount: z.number(),
  Error: z.string(),
  ErrorTime: z.string(),
  ErrorSeverity: z.enum(ERROR_SEVERITIES),
  /** When the next try is made, or what it waits for; ''. */
  ErrorRetryCondition: z.string(),
  /** The project's code of the error, such as DATASTORE_NOT_FOUND; ''. Not of EVE. */
  ErrorCode: z.string(),
  /** Not of EVE: what a person asked for. */
  Hold: z.enum(HOLDS),
  /** Not of EVE: ties the lines of the log together; '' before the first download. */
  DownloadID: z.string(),
});
export type ContentTreeStatus = z.infer<typeof contentTreeStatusSchema>;
