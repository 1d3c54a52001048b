// SPDX-License-Identifier: Apache-2.0
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';

const MIN_SCRUB_RATE = 64 * 1024;
const COLLECT_CHOICES = ['hourly', 'daily', 'never'] as const;

/** What is kept and for how long, where it comes from, and how it is read again. */
export interface KeepingOptions {
  /** Hours. */
  readonly uploadExpiry: number;
  readonly registry: 'on' | 'off';
  readonly upstreams?: string;
  readonly registryGc: (typeof COLLECT_CHOICES)[number];
  /** Hours. */
  readonly registryTrash: number;
  /** Days; absent: for ever. */
  readonly untagged?: number;
  readonly keptVersions?: number;
  /** Hours; 0: never. */
  readonly scrubInterval: number;
  /** Bytes a second. */
  readonly scrubRate: number;
}

export const KEEPING_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--upload-expiry <hours>',
    description: 'after how long an upload of which nothing more comes is removed',
    environment: 'DATASTORE_UPLOAD_EXPIRY',
    schema: wholeNumber(1, 8760),
    default: 24,
  },
  {
    flags: '--registry <mode>',
    description: 'on, off: whether container images can be pushed and pulled below /v2/',
    environment: 'DATASTORE_REGISTRY',
    schema: z.enum(['on', 'off'], { error: 'one of on, off expected' }),
    default: 'on',
  },
  {
    flags: '--upstreams <file>',
    description:
      'YAML file that names registries and stores from which images come when they are asked for (default: upstreams.yaml in the state directory, where it exists)',
    environment: 'DATASTORE_UPSTREAMS',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--registry-gc <when>',
    description: `${COLLECT_CHOICES.join(', ')}: how often what belongs to no image is moved to the trash`,
    environment: 'DATASTORE_REGISTRY_GC',
    schema: z.enum(COLLECT_CHOICES, { error: `one of ${COLLECT_CHOICES.join(', ')} expected` }),
    default: 'daily',
  },
  {
    flags: '--registry-trash <hours>',
    description: 'how long it stays there, as long as there is room',
    environment: 'DATASTORE_REGISTRY_TRASH',
    schema: wholeNumber(0, 8760),
    default: 1,
  },
  {
    flags: '--untagged <days>',
    description: 'after how long manifests without a tag are collected as well (default: never)',
    environment: 'DATASTORE_UNTAGGED',
    schema: wholeNumber(0, 36_500),
  },
  {
    flags: '--kept-versions <number>',
    description: 'how many versions of a tag stay when it moves (default: all)',
    environment: 'DATASTORE_KEPT_VERSIONS',
    schema: wholeNumber(1, 100),
  },
  {
    flags: '--scrub-interval <hours>',
    description: 'how often every image is read again, to find what the disk damaged; 0: never',
    environment: 'DATASTORE_SCRUB_INTERVAL',
    schema: wholeNumber(0, 87_600),
    default: 0,
  },
  {
    flags: '--scrub-rate <size>',
    description: 'how much of them is read in a second, at most',
    environment: 'DATASTORE_SCRUB_RATE',
    schema: byteSize().refine((rate) => rate >= MIN_SCRUB_RATE, { error: 'at least 64K expected' }),
    default: 32 * 1024 * 1024,
    defaultDescription: '32M',
  },
];
