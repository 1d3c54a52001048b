// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec, HealthConfig } from '../engine/container-spec.ts';

/** When a check is made, and what becomes of its results. */
export interface HealthTiming {
  readonly intervalMs: number;
  /** Of one check. */
  readonly timeoutMs: number;
  /** Failures within it after the start say nothing. */
  readonly startPeriodMs: number;
  /** So many failures in a row make it unhealthy. */
  readonly retries: number;
}

/** By what a version is judged. */
export type HealthCheck = HealthTiming &
  (
    | { readonly kind: 'http'; readonly port: number; readonly path: string }
    | { readonly kind: 'tcp'; readonly port: number }
    /** In the container; by its shell where it is one text. Ends with 0. */
    | { readonly kind: 'command'; readonly command: string | readonly string[] }
  );

const MAX_SECONDS = 3600;
const seconds = (fallback: number) =>
  z
    .number()
    .positive()
    .max(MAX_SECONDS)
    .default(fallback)
    .transform((value) => value * 1000);
const timing = {
  intervalSeconds: seconds(1),
  timeoutSeconds: seconds(5),
  startPeriodSeconds: z
    .number()
    .min(0)
    .max(MAX_SECONDS)
    .default(30)
    .transform((value) => value * 1000),
  retries: z.int().min(1).max(1000).default(3),
};
const port = z.int().min(1).max(65_535);
const MAX_TEXT_LENGTH = 4096;
const word = z.string().max(MAX_TEXT_LENGTH);

/** The check of a deployment, as a configuration says it; times in seconds. */
export const healthCheckSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('http'),
      port,
      path: z
        .string()
        .max(MAX_TEXT_LENGTH)
        .regex(/^\/[!-~]*$/, 'must begin with "/", and hold no spaces')
        .default('/'),
      ...timing,
    }),
    z.strictObject({ kind: z.literal('tcp'), port, ...timing }),
    z.strictObject({
      kind: z.literal('command'),
      command: z.union([word.min(1), z.array(word).min(1).max(64)]),
      ...timing,
    }),
  ])
  .transform(
    ({ intervalSeconds, timeoutSeconds, startPeriodSeconds, ...check }): HealthCheck => ({
      ...check,
      intervalMs: intervalSeconds,
      timeoutMs: timeoutSeconds,
      startPeriodMs: startPeriodSeconds,
    }),
  );

const timingSchema = {
  intervalMs: z.number(),
  timeoutMs: z.number(),
  startPeriodMs: z.number(),
  retries: z.number(),
};
const storedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('http'), port, path: z.string(), ...timingSchema }),
  z.object({ kind: z.literal('tcp'), port, ...timingSchema }),
  z.object({ kind: z.literal('command'), command: z.union([word, z.array(word)]), ...timingSchema }),
]);

/** What a label holds of it, which `parseStoredHealth` reads. */
export const formatStoredHealth = (health: HealthCheck | null): string =>
  health === null ? '' : JSON.stringify(health);

/** What a label holds. @returns null for none, or what is none */
export function parseStoredHealth(label: string | undefined): HealthCheck | null {
  try {
    return storedSchema.parse(JSON.parse(label ?? 'null'));
  } catch {
    return null;
  }
}

const NANOSECONDS_PER_MS = 1_000_000;

/** A command becomes the container's own HEALTHCHECK, so that the engine shows how it is for as long as it runs. */
export function withHealthcheck(spec: ContainerSpec, health: HealthCheck | null): ContainerSpec {
  if (health?.kind !== 'command') return spec;
  const { command, intervalMs, timeoutMs, startPeriodMs, retries } = health;
  const Healthcheck: HealthConfig = {
    Test: typeof command === 'string' ? ['CMD-SHELL', command] : ['CMD', ...command],
    Interval: intervalMs * NANOSECONDS_PER_MS,
    Timeout: timeoutMs * NANOSECONDS_PER_MS,
    StartPeriod: startPeriodMs * NANOSECONDS_PER_MS,
    Retries: retries,
  };
  return { ...spec, Healthcheck };
}

/** The engine's own, where a HEALTHCHECK says nothing (moby, daemon/health.go). */
const ENGINE_INTERVAL_MS = 30_000;
const ENGINE_TIMEOUT_MS = 30_000;
const ENGINE_RETRIES = 3;

/** What is asked of a container to know how it is. */
export type Check = HealthTiming &
  (
    | { readonly kind: 'http'; readonly port: number; readonly path: string }
    | { readonly kind: 'tcp'; readonly port: number }
    | { readonly kind: 'exec'; readonly command: readonly string[] }
  );

/**
 * Which check a container is judged by: its deployment's, else its own HEALTHCHECK.
 *
 * @returns null: none but that it runs
 */
export function chooseCheck(
  { healthcheck, shell }: Pick<ContainerView, 'healthcheck' | 'shell'>,
  health: HealthCheck | null,
): Check | null {
  if (health !== null && health.kind !== 'command') return health;
  const [form, ...words] = healthcheck?.Test ?? [];
  if (healthcheck === null || (form !== 'CMD' && form !== 'CMD-SHELL')) return null;
  const milliseconds = (nanoseconds: number | undefined) => (nanoseconds ?? 0) / NANOSECONDS_PER_MS;
  return {
    kind: 'exec',
    command: form === 'CMD' ? words : [...shell, ...words],
    intervalMs: milliseconds(healthcheck.Interval) || ENGINE_INTERVAL_MS,
    timeoutMs: milliseconds(healthcheck.Timeout) || ENGINE_TIMEOUT_MS,
    startPeriodMs: milliseconds(healthcheck.StartPeriod),
    retries: healthcheck.Retries || ENGINE_RETRIES,
  };
}

/** How long after its start a container may not be healthy. */
export const judgementLimitMs = ({ startPeriodMs, intervalMs, timeoutMs, retries }: HealthTiming): number =>
  startPeriodMs + retries * intervalMs + timeoutMs;
