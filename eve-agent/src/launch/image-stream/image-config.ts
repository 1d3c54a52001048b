// SPDX-License-Identifier: Apache-2.0
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import { type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { isRunnable, normalizePlatform, platformText } from '@local-datastore/shared/oci/platform';
import * as z from 'zod';
import { isAmbiguous, parseDocument } from './document.ts';
import { ImageStreamError } from './image-stream-error.ts';

/** Go writes `null` for what was never made. */
const strings = z.array(z.string()).nullish();
/** Names without values. */
const set = z.record(z.string(), z.unknown()).nullish();
const nanoseconds = z.number().int().nullish();

const EXECUTION = z.object({
  User: z.string().nullish(),
  Env: strings,
  Entrypoint: strings,
  Cmd: strings,
  WorkingDir: z.string().nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  ExposedPorts: set,
  Volumes: set,
  StopSignal: z.string().nullish(),
  StopTimeout: z.number().int().nullish(),
  Shell: strings,
  Healthcheck: z
    .object({
      Test: strings,
      Interval: nanoseconds,
      Timeout: nanoseconds,
      StartPeriod: nanoseconds,
      StartInterval: nanoseconds,
      Retries: z.number().int().nullish(),
    })
    .nullish(),
});

/** How an image wants to be run, by the names that the engine has for it (image-spec, config.md). */
export type ImageConfig = z.infer<typeof EXECUTION>;

const CONFIG = z.object({
  architecture: z.string().min(1),
  os: z.string().min(1),
  variant: z.string().nullish(),
  config: EXECUTION.nullish(),
  rootfs: z.object({ type: z.literal('layers').nullish(), diff_ids: strings }),
});
/** Members that decide what runs. */
const DECIDING = ['architecture', 'os', 'variant', 'config', 'rootfs'];

export interface ReadConfig {
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Of its layers, the lowest first: `sha256:…`. */
  readonly diffIds: readonly string[];
}

const invalid = (why: string, cause?: unknown) =>
  new ImageStreamError('CONFIG_INVALID', `The config of the image ${why}.`, { cause });

/** Engines know layers by sha256 alone. */
function requireDiffId(text: string): string {
  const digest: OciDigest | undefined = parseOciDigest(text);
  if (digest?.algorithm !== 'sha256') throw invalid('names a layer by something else than its sha256');
  return text;
}

/** Reads the config of an image. @throws ImageStreamError CONFIG_INVALID */
export function readImageConfig(bytes: Buffer): ReadConfig {
  const document = parseDocument(bytes);
  const { data, error } = CONFIG.safeParse(document);
  if (data === undefined) {
    const place = error.issues[0]?.path.join('.') || 'the document';
    throw invalid(`cannot be read: ${place} is not as it must be`, error);
  }
  const { rootfs } = document as { rootfs: object };
  if (isAmbiguous(document as object, DECIDING) || isAmbiguous(rootfs, ['type', 'diff_ids'])) {
    throw invalid('says one thing in capitals and another in small letters');
  }
  const { architecture, os, variant, config } = data;
  return {
    platform: { os, architecture, ...(variant && { variant }) },
    config: config ?? {},
    diffIds: (data.rootfs.diff_ids ?? []).map(requireDiffId),
  };
}

/** @throws ImageStreamError PLATFORM_MISMATCH where what the image is made for does not run on what is wanted */
export function requireRunnable(own: Platform, wanted: Platform): void {
  if (isRunnable(own, normalizePlatform(wanted), false)) return;
  throw new ImageStreamError(
    'PLATFORM_MISMATCH',
    `The image is for ${platformText(own)}, and this is ${platformText(wanted)}.`,
    { details: { platform: platformText(own), wanted: platformText(wanted) } },
  );
}
