// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { type HealthCheck, healthCheckSchema } from '../switch/health-check.ts';

/** One deployment, as the configuration has it. */
export interface DeploymentSettings {
  readonly name: string;
  /** Of `docker run`. */
  readonly args: readonly string[] | string;
  /** What `pull` takes where the request names nothing. */
  readonly image: string | null;
  /** null: what the image says itself; where it says nothing, that it runs is enough. */
  readonly health: HealthCheck | null;
  /** How long a new version is watched before the old one is given up. */
  readonly settleMs: number;
  /** How many old versions stay for `rollback`. */
  readonly keep: number;
  /** What a container is given to end by itself. */
  readonly stopSeconds: number;
  readonly allow: readonly string[];
  readonly allowedHostPaths: readonly string[];
}

const DEFAULT_SETTLE_MS = 5000;
const DEFAULT_KEEP = 1;
const MAX_KEEP = 20;
/** Docker's own. */
const DEFAULT_STOP_SECONDS = 10;
const MAX_SECONDS = 3600;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Milliseconds from a number of seconds, or a text such as `500ms`, `10s` and `2m`. */
const duration = (leastMs: number) => {
  const error = `a time expected, such as 10, "10s" or "500ms", at most an hour`;
  return z
    .union([z.number(), z.string()], { error })
    .transform((value) => {
      const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(String(value));
      return match === null ? Number.NaN : Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? 's'] ?? 1000));
    })
    .refine((ms) => ms >= leastMs && ms <= MAX_SECONDS * 1000, { error });
};
const text = () => z.string({ error: 'a text expected' }).min(1, { error: 'a text expected' });
const deploymentSchema = z.looseObject({
  name: z.string(),
  args: z
    .union([z.array(z.string({ error: 'a list of texts expected' })).max(1000), z.string()], {
      error: 'a list of texts expected',
    })
    .nullish(),
  image: text().optional(),
  health: healthCheckSchema.nullish(),
  settle: duration(0).default(DEFAULT_SETTLE_MS),
  keep: z
    .int()
    .min(0)
    .max(MAX_KEEP, { error: `a number from 0 to ${MAX_KEEP} expected` })
    .default(DEFAULT_KEEP),
  stopTimeout: duration(0).default(DEFAULT_STOP_SECONDS * 1000),
  allow: z.array(text()).default([]),
  allowedHostPaths: z.array(text().startsWith('/', { error: 'absolute paths expected' })).default([]),
});

export type ParsedDeployment = { readonly unknown: readonly string[] } & (
  | { readonly problem: null; readonly settings: DeploymentSettings }
  | { readonly problem: string }
);

/**
 * Reads one entry of `deployments`.
 *
 * @param common what all deployments are permitted
 */
export function parseDeployment(
  entry: { readonly name: string },
  common: { readonly allow: readonly string[]; readonly allowedHostPaths: readonly string[] },
): ParsedDeployment {
  const known = Object.keys(deploymentSchema.shape);
  const unknown = Object.keys(entry).filter((key) => !known.includes(key));
  const parsed = deploymentSchema.safeParse(entry);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    return { unknown, problem: reasons.join('; ') };
  }
  const { name, args, image, health, settle, keep, stopTimeout, allow, allowedHostPaths } = parsed.data;
  return {
    unknown,
    problem: null,
    settings: {
      name,
      args: args ?? [],
      image: image ?? null,
      ...{ health: health ?? null, keep, settleMs: settle },
      stopSeconds: Math.ceil(stopTimeout / 1000),
      allow: [...common.allow, ...allow],
      allowedHostPaths: [...common.allowedHostPaths, ...allowedHostPaths],
    },
  };
}
