// SPDX-License-Identifier: Apache-2.0
import { realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import * as z from 'zod';
import { addressUrl } from '../discovery/origin.ts';
import { parseRegistryImage, type RegistryImage } from '../registry/image-reference.ts';
import { createDirectImageWay } from '../service/direct-image-way.ts';
import { createImagePull, IMAGE_FORMS, type ImageForm, type PulledImage } from '../service/pull-image.ts';
import { readCa } from '../service/registry-files.ts';
import type { CommandContext } from './command-context.ts';
import { authorizationOf, platformWish, refuseFileOptions, schemeOf } from './container-options.ts';
import { createView, type DownloadOptions, downloadMeans } from './download-means.ts';
import { decideFile } from './target-path.ts';

const SHOWN_DIGITS = 12;

/**
 * Decides where an image goes.
 *
 * @param output the user's `-o`; undefined: the current directory
 * @returns an absolute path: of a layout a folder, else a file
 * @throws ConfigurationError
 */
export function decideImageTarget(image: RegistryImage, form: ImageForm, output: string | undefined): string {
  const name = basename(image.repository);
  const version = image.tag ?? image.digest?.hex.slice(0, SHOWN_DIGITS);
  if (form !== 'oci-layout') return decideFile(`${name}-${version}.tar`, image.name, output ?? '.');
  const folder = resolve(output ?? name);
  const occupant = statSync(folder, { throwIfNoEntry: false });
  if (occupant === undefined) return folder;
  // A link that the user names is followed here, once; none is by what is written later.
  if (occupant.isDirectory()) return realpathSync(folder);
  throw new ConfigurationError(`${folder} exists and is no directory: choose another name with -o`);
}

/** What {@link pulledDocument} makes. */
export const pulledSchema = () =>
  z.object({
    image: z.string(),
    form: z.enum(IMAGE_FORMS),
    target: z.string(),
    digest: z.string().describe('What the tag leads to: of an image for several platforms their index.'),
    manifestDigest: z.string(),
    mediaType: z.string(),
    platform: z.string().nullable().describe('null: nobody states one.'),
    sizeBytes: z.number().describe('Of the manifest, the configuration and the layers.'),
    blobs: z.number(),
    presentBytes: z.number().describe('What was here and whole before.'),
    resumedFromBytes: z.number().describe('What an earlier run had stored of blobs that were not whole.'),
    receivedBytes: z.number().describe('What came over the network.'),
    resolvedUrl: z.string(),
    bridge: z.string().nullable(),
    sourceAddress: z.string().nullable(),
    elapsedMs: z.number(),
  });

/** The JSON document of an image that was pulled. */
export function pulledDocument(
  { name }: RegistryImage,
  form: ImageForm,
  target: string,
  pulled: PulledImage,
  elapsedMs: number,
): z.infer<ReturnType<typeof pulledSchema>> {
  const { origin, ...facts } = pulled;
  return {
    image: name,
    form,
    target,
    ...facts,
    resolvedUrl: addressUrl(origin).href,
    bridge: origin.bridgeName,
    sourceAddress: origin.sourceAddress,
    elapsedMs: Math.round(elapsedMs),
  };
}

/** An image that was pulled as lines for people. */
export function pulledText(
  { name }: RegistryImage,
  form: ImageForm,
  target: string,
  pulled: PulledImage,
  elapsedMs: number,
): string {
  const { digest, manifestDigest, platform, sizeBytes, blobs, origin } = pulled;
  const { presentBytes, resumedFromBytes, receivedBytes } = pulled;
  const rate = sizeText(Math.round((receivedBytes * 1000) / Math.max(elapsedMs, 1)));
  const via =
    origin.bridgeName === null ? '' : ` on ${origin.bridgeName}, source address ${origin.sourceAddress}`;
  const hereBytes = presentBytes + resumedFromBytes;
  const here = hereBytes > 0 ? `, ${sizeText(hereBytes)} were here already` : '';
  return [
    `image           ${name}`,
    `digest          ${digest}`,
    ...(manifestDigest === digest ? [] : [`manifest        ${manifestDigest}`]),
    `platform        ${platform ?? 'not stated'}`,
    `${form.padEnd(15)} ${target}`,
    `size            ${sizeBytes} bytes (${sizeText(sizeBytes)}) in ${blobs} blobs, all of their digests`,
    `from            ${addressUrl(origin).origin}${via}`,
    `received        ${sizeText(receivedBytes)} in ${(elapsedMs / 1000).toFixed(2)} s, ${rate}/s${here}`,
    '',
  ].join('\n');
}

/** `eve-agent download docker://…`. */
export async function downloadImage(
  context: CommandContext,
  text: string,
  options: DownloadOptions,
): Promise<void> {
  refuseFileOptions(options);
  const ca = options.ca === undefined ? null : readCa(options.ca);
  const image = parseRegistryImage(text, schemeOf(options));
  const { form } = options;
  const authorization = authorizationOf(options, image);
  const target = decideImageTarget(image, form, options.output);
  const pull = createImagePull(createDirectImageWay(...downloadMeans(context, options)));
  const view = await createView(context, options, image.name);
  const startedMs = performance.now();
  let pulled: PulledImage;
  try {
    pulled = await pull(
      { ...{ image, form, target, ca }, wish: platformWish(options), authorization },
      { onEvent: view.event, onProgress: view.progress },
      context.signal,
    );
  } finally {
    view.stop();
  }
  const elapsedMs = performance.now() - startedMs;
  const told = options.json === true ? jsonText(pulledDocument(image, form, target, pulled, elapsedMs)) : '';
  context.stdout.write(told || pulledText(image, form, target, pulled, elapsedMs));
}
