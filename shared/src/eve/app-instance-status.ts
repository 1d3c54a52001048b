import * as z from 'zod';
import { APP_STATES } from './sw-state.ts';

/** How far an application is, after EVE's `AppInstanceStatus`. Times in RFC 3339, '' where there is none. */
export const appInstanceStatusSchema = z.looseObject({
  /** Its uuid, or its place in the configuration where that has none. */
  AppID: z.string(),
  DisplayName: z.string(),
  /** Whether it is to run. */
  Activate: z.boolean(),
  State: z.enum(APP_STATES),
  /** The content tree that it is started from; ''. */
  ContentID: z.string(),
  /** The image at the engine that runs; ''. */
  Image: z.string(),
  /** Counts up with each version that was put in place; 0: none was. */
  Generation: z.number(),
  /** On the bridge of its network instance; ''. */
  IPAddress: z.string(),
  Bridge: z.string(),
  Error: z.string(),
  ErrorTime: z.string(),
  /** The project's code of the error, such as EXITED; ''. Not of EVE. */
  ErrorCode: z.string(),
  /** What of its configuration nothing is done by. Not of EVE. */
  Warnings: z.array(z.string()),
});
export type AppInstanceStatus = z.infer<typeof appInstanceStatusSchema>;
