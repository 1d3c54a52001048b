// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { APP_STATES } from './sw-state.ts';

/** How the last switch between two versions of an application went. */
export const appSwitchSchema = z.object({
  /** RFC 3339. */
  Time: z.string(),
  /** `kept`: it was taken back, and the version before serves. */
  Outcome: z.enum(['committed', 'kept']),
  /** Why it was taken back, such as EXITED; ''. */
  Code: z.string(),
  /** The digest of the image that was switched to. */
  ContentSha256: z.string(),
  /** `bridged`: its ports were led to it meanwhile; `beside`: it ran beside the old one; `in-place`: the old one stopped first; ''. */
  How: z.enum(['bridged', 'beside', 'in-place', '']),
  /** The longest time without an answer to requests of the agent's own, in milliseconds; null: none could be made. */
  GapMs: z.number().nullable(),
  /** The requests that were made, and those that were not answered as they should be. */
  Asked: z.number(),
  Failed: z.number(),
});
export type AppSwitch = z.infer<typeof appSwitchSchema>;

/** A port of the device that leads into an application. */
export const appPortMapSchema = z.object({
  /** `tcp`, `udp`. */
  Protocol: z.string(),
  /** Of the device; '': every one. */
  HostAddress: z.string(),
  HostPort: z.number(),
  AppPort: z.number(),
});
export type AppPortMap = z.infer<typeof appPortMapSchema>;

/** How far an application is, after EVE's `AppInstanceStatus`. Times in RFC 3339, '' where there is none. */
export const appInstanceStatusSchema = z.looseObject({
  /** Its uuid, or its place in the configuration where that has none. */
  AppID: z.string(),
  DisplayName: z.string(),
  /** Whether it is to run. */
  Activate: z.boolean(),
  State: z.enum(APP_STATES),
  /** Since when it is in this state, as far as this agent saw it. Not of EVE. */
  StateTime: z.string().default(''),
  /** The content tree that it is started from; ''. */
  ContentID: z.string(),
  /** The image at the engine that runs; ''. */
  Image: z.string(),
  /** Counts up with each version that was put in place; 0: none was. */
  Generation: z.number(),
  /** When what runs was started last. */
  BootTime: z.string().default(''),
  /** How often it ended by itself and was started again since it was put in place. Not of EVE. */
  RestartCount: z.number().default(0),
  /** Not of EVE. */
  LastSwitch: appSwitchSchema.nullable().default(null),
  /** On the bridge of its network instance; ''. */
  IPAddress: z.string(),
  Bridge: z.string(),
  /** The port maps in force: what is wanted and not listed leads nowhere now. Not of EVE. */
  PortMaps: z.array(appPortMapSchema).default([]),
  Error: z.string(),
  ErrorTime: z.string(),
  /** The project's code of the error, such as EXITED; ''. Not of EVE. */
  ErrorCode: z.string(),
  /** What of its configuration nothing is done by. Not of EVE. */
  Warnings: z.array(z.string()),
});
export type AppInstanceStatus = z.infer<typeof appInstanceStatusSchema>;
