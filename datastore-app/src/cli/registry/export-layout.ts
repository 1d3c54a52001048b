// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type ImageToArchive, indexEntries, REF_NAME } from '@local-datastore/shared/oci/image-archive';
import { parseImageReference } from '@local-datastore/shared/oci/reference';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { Command } from 'commander';
import type { FoundImage } from '../../archive-imports/archive-image.ts';
import type { CommandContext } from '../command-context.ts';
import { AnswerError } from '../exit-code.ts';
import { createProgress } from '../import/progress.ts';
import { connectTo } from './datastore-client.ts';
import { type SetSource, sourceOfSet } from './export-set.ts';
import type { GatheredSet } from './gather-set.ts';
import { type LayoutFolder, openLayoutFolder } from './layout-folder.ts';
import { isJson } from './records.ts';

export interface LayoutWish extends SetSource {
  /** The folder. */
  readonly out: string;
  /** How engines are to call the one image; undefined: by repository and tag. */
  readonly name: string | undefined;
}

/**
 * How an index names an image, and what belongs to it.
 *
 * @param given the name of the one image; undefined: it is called by repository and tag
 * @param areTagsEnough to tell all images of the export from each other
 */
function entriesOf(
  { root, names, attached }: FoundImage,
  given: string | undefined,
  areTagsEnough: boolean,
): object[] {
  const named = (manifest: ImageToArchive['manifest'], own: readonly string[]) => {
    const entries = indexEntries({ manifest, children: [], names: own });
    if (areTagsEnough) return entries;
    return own.map((name, i) => {
      const entry = entries[i] as { annotations: object };
      return { ...entry, annotations: { ...entry.annotations, [REF_NAME]: name } };
    });
  };
  const [repository] = names[0]?.split(':') ?? [];
  const roots = names.length === 0 ? indexEntries({ manifest: root, children: [], names: [] }) : [];
  return [
    ...roots,
    ...named(root, names.length > 0 && given !== undefined ? [given] : names),
    ...[...attached].flatMap(([tag, manifest]) =>
      named(manifest, [repository === undefined ? tag : `${repository}:${tag}`]),
    ),
  ];
}

/** Writes images and names them once all of them are here. @returns how many bytes came, and how many were here */
async function writeImages(
  layout: LayoutFolder,
  { images, blobs, contentWith }: GatheredSet,
  given: string | undefined,
  watch: ReturnType<typeof createProgress>['watch'],
): Promise<{ readonly writtenBytes: number; readonly keptBytes: number }> {
  const sum = { writtenBytes: 0, keptBytes: 0 };
  async function take(...[blob, read]: Parameters<LayoutFolder['take']>): Promise<void> {
    const wasHere = await layout.take(blob, read);
    sum[wasHere ? 'keptBytes' : 'writtenBytes'] += blob.sizeBytes;
  }
  for (const blob of blobs) {
    const { digest, sizeBytes } = blob;
    const key = formatDigest(digest);
    const content = contentWith(key);
    if (content === undefined) throw new AnswerError('DATASTORE_FAILED', `${key} is nowhere`);
    await take(blob, (position) => {
      const rest = sizeBytes - position;
      return watch(key, content.readBlob(digest, position, rest), rest);
    });
  }
  for (const { digest, bytes } of images.flatMap(({ root, others }) => [root, ...others])) {
    await take({ digest, sizeBytes: bytes.length }, async function* (position) {
      yield bytes.subarray(position);
    });
  }
  // Tags of several repositories may be the same.
  const repositories = new Set(images.flatMap(({ names }) => names.map((name) => name.split(':')[0])));
  await layout.name(images.flatMap((image) => entriesOf(image, given, repositories.size < 2)));
  return sum;
}

/** `--form oci-layout`: images in a folder, each blob a file by its digest. */
export async function exportLayout(
  context: CommandContext,
  command: Command,
  wish: LayoutWish,
): Promise<void> {
  const { stdout, stderr } = context;
  const { out, name, texts } = wish;
  if (texts.length > 1 && name !== undefined) throw new ConfigurationError('--name is for one image');
  const parsed = name === undefined ? undefined : parseImageReference(name);
  if (parsed?.kind === 'invalid') throw new ConfigurationError(`--name: ${parsed.reason}`);
  const client = await connectTo(command, context);
  const set = await sourceOfSet(context, client, wish);
  const layout = await openLayoutFolder(out);
  try {
    const { watch } = createProgress(context, isJson(command));
    const { writtenBytes, keptBytes } = await writeImages(layout, set, name, watch);
    const expectedBytes = set.expected.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    if (isJson(command)) {
      const images = set.images.map(({ root, names }) => {
        const digest = formatDigest(root.digest);
        return { name: names[0] ?? digest, digest };
      });
      stdout.write(
        jsonText({
          ...{ folder: out, form: 'oci-layout', images, writtenBytes, keptBytes },
          ...{ expected: set.expected.length, expectedBytes },
        }),
      );
      return;
    }
    const kept = keptBytes === 0 ? '' : `, ${sizeText(keptBytes)} were there`;
    stderr.write(`${printableText(out)}: ${sizeText(writtenBytes)}${kept}\n`);
    if (set.expected.length > 0) {
      stderr.write(
        `expected at the other side: ${countText(set.expected.length, 'blob')}, ${sizeText(expectedBytes)}\n`,
      );
    }
  } finally {
    layout.close();
  }
}
