// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import * as z from 'zod';
import {
  addConfigurableOptions,
  bridgeOption,
  configOption,
  jsonOption,
  logLevelOption,
  timeoutOption,
} from '../config.ts';
import { createFileTarget } from '../content/file-target.ts';
import { parseImageUrl } from '../discovery/locate.ts';
import { addressUrl } from '../discovery/origin.ts';
import { isImageReference } from '../registry/image-reference.ts';
import { readCa } from '../service/registry-files.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadResult } from '../transfer/download-request.ts';
import type { CommandContext } from './command-context.ts';
import { containerOptions } from './container-options.ts';
import { createView, type DownloadOptions, downloadMeans } from './download-means.ts';
import { imageOptions } from './image-options.ts';
import { decideTarget } from './target-path.ts';
import { proxyOption, transferOptions } from './transfer-options.ts';

const OPTIONS: readonly OptionDescription[] = [
  ...imageOptions,
  ...containerOptions,
  {
    flags: '-o, --output <file>',
    description:
      'the file to make or replace, or a directory for it; of --form oci-layout the directory itself (default: in ' +
      'the current directory)',
    environment: 'EVE_AGENT_OUTPUT',
    schema: z.string().min(1, { error: 'a file or a directory expected' }),
  },
  {
    flags: '--retries <count>',
    description: 'failures in a row, without a byte of progress, after which to give up',
    environment: 'EVE_AGENT_RETRIES',
    schema: wholeNumber(0, 1000),
    default: 5,
  },
  ...transferOptions(
    'the datastore is looked for and connected to anew, and the download goes on where it was',
  ),
  proxyOption,
  bridgeOption,
  timeoutOption(30, 'how long to wait for an answer to the question for the host'),
  jsonOption,
  logLevelOption,
  configOption,
];

/** What {@link downloadedDocument} makes. */
export const downloadedSchema = () =>
  z.object({
    url: z.string().describe('As it was asked for.'),
    resolvedUrl: z.string().describe('With the address in place of the name.'),
    bridge: z.string().nullable(),
    sourceAddress: z.string().nullable(),
    target: z.string(),
    sizeBytes: z.number(),
    sha256: z.string(),
    verifiedAgainst: z
      .enum(['request', 'datastore'])
      .nullable()
      .describe('Who said what the digest should be; null: nobody did.'),
    resumedFromBytes: z.number().describe('What an earlier run had stored.'),
    receivedBytes: z.number().describe('What came over the network in this run.'),
    attempts: z.number(),
    elapsedMs: z.number(),
  });

/** The JSON document of a finished download. */
export function downloadedDocument(
  asked: URL,
  target: string,
  result: DownloadResult,
  elapsedMs: number,
): z.infer<ReturnType<typeof downloadedSchema>> {
  const { origin, digest, sizeBytes, ...facts } = result;
  return {
    url: asked.href,
    resolvedUrl: addressUrl(origin).href,
    bridge: origin.bridgeName,
    sourceAddress: origin.sourceAddress,
    target,
    ...{ sizeBytes, sha256: digest.hex },
    ...facts,
    elapsedMs: Math.round(elapsedMs),
  };
}

const VERIFIED = {
  request: 'as asked for',
  datastore: 'as the datastore states',
  nobody: 'NOT VERIFIED: nobody said what it should be; give --sha256',
};

/** A finished download as lines for people. */
export function downloadedText(target: string, result: DownloadResult, elapsedMs: number): string {
  const { sizeBytes, digest, verifiedAgainst, resumedFromBytes, receivedBytes, origin } = result;
  const rate = sizeText(Math.round((receivedBytes * 1000) / Math.max(elapsedMs, 1)));
  const via =
    origin.bridgeName === null ? '' : ` on ${origin.bridgeName}, source address ${origin.sourceAddress}`;
  const resumed = resumedFromBytes > 0 ? `, ${sizeText(resumedFromBytes)} were here already` : '';
  return [
    `file            ${target}`,
    `size            ${sizeBytes} bytes (${sizeText(sizeBytes)})`,
    `sha256          ${digest.hex} (${VERIFIED[verifiedAgainst ?? 'nobody']})`,
    `from            ${addressUrl(origin).href}${via}`,
    `received        ${sizeText(receivedBytes)} in ${(elapsedMs / 1000).toFixed(2)} s, ${rate}/s${resumed}`,
    '',
  ].join('\n');
}

/** `eve-agent download`. */
export function downloadCommand(context: CommandContext): Command {
  const { stdout, signal } = context;
  const command = new Command('download')
    .summary('download an image and verify it')
    .description(
      'Finds the datastore as resolve does, downloads a file from the bridge’s own address, and checks it. The ' +
        'target is left whole and verified, or as it was. An interrupted download goes on when called again.',
    )
    .argument('<url>', 'such as http://ds.local/image.qcow2 or docker://ds.local/group/app:1');
  return addConfigurableOptions(command, OPTIONS).action(async (text: string) => {
    const options = command.opts<DownloadOptions>();
    if (isImageReference(text)) {
      const { downloadImage } = await import('./download-image.ts');
      return await downloadImage(context, text, options);
    }
    const url = parseImageUrl(text);
    const target = decideTarget(url, options.output);
    const request = {
      url,
      target: createFileTarget(target),
      digest: options.sha256 === undefined ? null : digestOfHex(options.sha256),
      sizeBytes: options.size ?? null,
      authorization: options.auth ?? null,
      ca: options.ca === undefined ? null : readCa(options.ca),
    };
    const download = createDownload(...downloadMeans(context, options));
    const view = await createView(context, options, basename(target));
    const startedMs = performance.now();
    let result: DownloadResult;
    try {
      result = await download(request, { onEvent: view.event, onProgress: view.progress }, signal);
    } finally {
      view.stop();
    }
    const elapsedMs = performance.now() - startedMs;
    stdout.write(
      options.json === true
        ? jsonText(downloadedDocument(url, target, result, elapsedMs))
        : downloadedText(target, result, elapsedMs),
    );
  });
}
