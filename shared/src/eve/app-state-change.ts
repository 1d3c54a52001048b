// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { APP_STATES } from './sw-state.ts';

/** Who is behind a change of an application; `app` is the application itself, which ended or is not well. */
export const APP_CHANGERS = [
  'configuration',
  'content',
  'operator',
  'host',
  'app',
  'engine',
  'agent',
] as const;
export type AppChanger = (typeof APP_CHANGERS)[number];

/** That an application is in another state. Not of EVE. */
export const appStateChangeSchema = z.looseObject({
  AppID: z.string(),
  DisplayName: z.string(),
  OldState: z.enum(APP_STATES),
  State: z.enum(APP_STATES),
  /** RFC 3339. */
  Time: z.string(),
  By: z.enum(APP_CHANGERS),
  /** One line, or ''. What an application wrote may stand in it. */
  Why: z.string(),
});
export type AppStateChange = z.infer<typeof appStateChangeSchema>;
