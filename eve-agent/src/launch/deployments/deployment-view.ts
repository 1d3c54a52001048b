// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { MADE_BY } from './settings-drift.ts';

/** What is there of a deployment. The first four are what ed-daemon says of one. */
export const deploymentViewSchema = z.object({
  name: z.string(),
  state: z.enum(['running', 'stopped', 'restarting', 'paused']),
  /** As it is tagged; empty: nothing is deployed. */
  image: z.string(),
  health: z.enum(['healthy', 'unhealthy', 'starting', 'unknown']),
  /** Counts the versions; null: nothing is deployed, or by somebody else. */
  generation: z.number().nullable(),
  /** `sha256:…` of the configuration of the image. */
  configDigest: z.string().nullable(),
  /** When it was started last, in ISO 8601. */
  startedAt: z.string().nullable(),
  /** Generations that `rollback` can lead to, the newest first. */
  kept: z.array(z.number()),
  /** What was asked for last. */
  wanted: z.enum(['running', 'stopped', 'removed']).nullable(),
  /** What is being done to it. */
  operation: z.object({ operation: z.string(), since: z.string(), by: z.string() }).nullable(),
  /** Why it cannot be used as it is configured. */
  problem: z.string().nullable(),
  /** What the configuration says otherwise than when its container was made: `start` and `restart` put it in force. */
  drift: z.array(z.enum(MADE_BY)),
});
export type DeploymentView = z.infer<typeof deploymentViewSchema>;

/** What came of an operation. */
export const operationResultSchema = z.object({
  name: z.string(),
  operation: z.string(),
  state: z.string(),
  generation: z.number().nullable(),
  /** As it is tagged. */
  image: z.string().nullable(),
  configDigest: z.string().nullable(),
  /** How long nobody answered, in milliseconds, as far as the switch could tell. */
  gapMs: z.number().nullable(),
  durationMs: z.number(),
  /** What went with it. */
  removed: z.array(z.string()),
  /** What of the configuration `start` or `restart` put in force, by a new version of the same image. */
  applied: z.array(z.enum(MADE_BY)),
});
export type OperationResult = z.infer<typeof operationResultSchema>;

/** How far an operation is. */
export type OperationEvent =
  | { readonly event: 'begun'; readonly operation: string; readonly deployment: string }
  | { readonly event: 'received'; readonly receivedBytes: number }
  | { readonly event: 'loaded'; readonly image: string; readonly sizeBytes: number }
  /** As the switch calls it, such as `start candidate`. */
  | { readonly event: 'step'; readonly step: string };

/** What the file of the configuration is worth. */
export interface ConfigurationView {
  readonly file: string;
  /** When it was last read with success, in ISO 8601. */
  readonly readAt: string;
  /** Why a newer one is not in force. */
  readonly problem: string | null;
  readonly warnings: readonly string[];
}
