// SPDX-License-Identifier: Apache-2.0
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';
import type { LeastRate } from '../transfer/rate-watch.ts';

/** What is borne of a datastore while it sends. */
export interface TransferOptions {
  readonly stallTimeout: number;
  readonly leastRate: number;
  readonly leastRateWindow: number;
  readonly allowInternalRedirects?: true;
}

export const proxyOption: OptionDescription = {
  flags: '--proxy <url>',
  description:
    'HTTP proxy for datastores that have a name which is not on .local; better given by the environment',
  environment: 'EVE_AGENT_PROXY',
  get schema() {
    return z
      .url({ protocol: /^https?$/, error: 'an http or https URL expected' })
      .transform((text) => new URL(text));
  },
  isSecret: true,
};

/** @param consequence what follows when a datastore is slower than the least rate */
export const transferOptions = (consequence: string): readonly OptionDescription[] => [
  {
    flags: '--stall-timeout <seconds>',
    description: 'how long a datastore may send nothing at all',
    environment: 'EVE_AGENT_STALL_TIMEOUT',
    schema: wholeNumber(1, 3600),
    default: 20,
  },
  {
    flags: '--least-rate <size>',
    description: `bytes a second below which ${consequence}; 0: no rate is too slow`,
    environment: 'EVE_AGENT_LEAST_RATE',
    schema: byteSize(),
    default: 1024,
    defaultDescription: '1K',
  },
  {
    flags: '--least-rate-window <seconds>',
    description: 'the time over which that rate is taken; pauses that this host itself asks for do not count',
    environment: 'EVE_AGENT_LEAST_RATE_WINDOW',
    schema: wholeNumber(1, 3600),
    default: 30,
  },
  {
    flags: '--allow-internal-redirects',
    description:
      'follow redirects of datastores that are not local to loopback, link-local and metadata addresses, too',
    environment: 'EVE_AGENT_ALLOW_INTERNAL_REDIRECTS',
    schema: z.boolean(),
  },
];

export const leastRateOf = ({ leastRate, leastRateWindow }: TransferOptions): LeastRate => ({
  bytesPerSecond: leastRate,
  windowMs: leastRateWindow * 1000,
});
