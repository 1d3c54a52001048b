// SPDX-License-Identifier: Apache-2.0
import { AGENT_PRODUCT } from '@local-datastore/shared/http/products';
import { systemClock } from '@local-datastore/shared/system-clock';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type DiscoveryOptions, discoveryOf } from '../config.ts';
import { systemDelay } from '../service/system-delay.ts';
import { createSystemLocator } from '../service/system-discovery.ts';
import { createSystemWay } from '../service/system-way.ts';
import type { DownloadDeps, DownloadOptions as MadeDownloadOptions } from '../transfer/download-request.ts';
import type { CommandContext } from './command-context.ts';
import type { ContainerOptions } from './container-options.ts';
import type { ImageOptions } from './image-options.ts';
import { createBarView, createJsonView, createPlainView, type ProgressView } from './progress.ts';
import { leastRateOf, type TransferOptions } from './transfer-options.ts';

/** EVE's User-Agent names its downloader; ours names ours. */
const USER_AGENT = AGENT_PRODUCT;
const MAX_RETRY_DELAY_MS = 60_000;

/** Of `eve-agent download`. */
export interface DownloadOptions extends DiscoveryOptions, ImageOptions, TransferOptions, ContainerOptions {
  readonly output?: string;
  readonly proxy?: URL;
  readonly retries: number;
}

/** What downloads are made with, from the options of the command. */
export function downloadMeans(
  { createLog }: Pick<CommandContext, 'createLog'>,
  options: Pick<
    DownloadOptions,
    'logLevel' | 'bridge' | 'timeout' | 'retries' | 'proxy' | keyof TransferOptions
  >,
): [DownloadDeps, MadeDownloadOptions] {
  const locate = createSystemLocator(createLog(options.logLevel));
  return [
    {
      ...createSystemWay(locate, discoveryOf(options)),
      delay: systemDelay,
      now: Date.now,
      random: Math.random,
      clock: systemClock,
    },
    {
      retry: { maxFailures: options.retries, maxDelayMs: MAX_RETRY_DELAY_MS },
      stallTimeoutMs: options.stallTimeout * 1000,
      leastRate: leastRateOf(options),
      reconnectsWhenSlow: true,
      allowsInternalRedirects: options.allowInternalRedirects === true,
      proxy: options.proxy,
      userAgent: USER_AGENT,
    },
  ];
}

/** How progress is shown, as the options and the terminal have it. */
export async function createView(
  { stderr }: Pick<CommandContext, 'stderr'>,
  { json }: Pick<DownloadOptions, 'json'>,
  name: string,
): Promise<ProgressView> {
  if (json === true) return createJsonView(stderr);
  return stderr.isTTY ? await createBarView(stderr, printableText(name)) : createPlainView(stderr);
}
