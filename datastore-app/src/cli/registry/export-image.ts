// SPDX-License-Identifier: Apache-2.0
import { pipeline } from 'node:stream/promises';
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { parsePlatform, platformText } from '@local-datastore/shared/oci/platform';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXPORT_FORMS, type ExportForm } from '../../archives/export-image.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import type { CommandContext } from '../command-context.ts';
import { AnswerError } from '../exit-code.ts';
import { writeWhole } from '../write-whole.ts';
import { addClientOptions, connectTo, requireImage } from './datastore-client.ts';
import { exportLayout } from './export-layout.ts';
import { exportSet } from './export-set.ts';
import { isJson } from './records.ts';

/** A folder, which a command alone can write. */
const LAYOUT = 'oci-layout';
/** The usual name for stdout. */
const STANDARD = '-';

interface ExportOptions {
  readonly form: ExportForm | typeof LAYOUT;
  readonly except?: string;
  readonly chunk?: number;
  readonly platform?: string;
  readonly out?: string;
  readonly name?: string;
}

function parsePlatformText(text: string): string {
  const platform = parsePlatform(text);
  if (platform === null) throw new InvalidArgumentError('A platform such as linux/arm64 expected.');
  return platformText(platform);
}

function parseChunkBytes(text: string): number {
  const parsed = byteSize().safeParse(text);
  if (parsed.success && parsed.data > 0) return parsed.data;
  throw new InvalidArgumentError('A size such as 4G expected.');
}

/** What an answer proposes as the name of its file. */
function fileNameOf(response: Response): string {
  const [, name] = /filename="([\w.-]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? [];
  return name ?? 'image.tar';
}

/** `datastore-app registry export IMAGE`. */
export function exportCommand(context: CommandContext): Command {
  const { stdout, stderr, output } = context;
  const command = new Command('export')
    .description(
      'Writes an image as an archive that Docker, podman, containerd and skopeo read, or in a folder (oci-layout); several, or with --except or --chunk, as a set for `datastore-app import`.',
    )
    .argument('<image...>', 'such as lab/app:1.2 or lab/app@sha256:…')
    .addOption(
      new Option(
        '--form <form>',
        'all that the name leads to, in one file; one image that every engine loads; or all in a folder',
      )
        .choices([...EXPORT_FORMS, LAYOUT])
        .default('oci-archive'),
    )
    .addOption(
      new Option(
        '--platform <platform>',
        'of an image for many: this one alone, such as linux/arm64',
      ).argParser(parsePlatformText),
    )
    .option('--name <name>', 'how engines are to call it, such as ds.local/lab/app:1.2')
    .option(
      '--except <file>',
      'of a set or a folder: an inventory of the other side, whose blobs are left out (registry inventory)',
    )
    .addOption(
      new Option('--chunk <size>', 'of a set: no file is larger, such as 4G').argParser(parseChunkBytes),
    )
    .option(
      '--out <file>',
      'where to; - for stdout (default: named after the image, in this folder); of oci-layout: the folder; of a set: what the names of its files begin with',
    );
  return addClientOptions(command).action(async (texts: string[]) => {
    const { form, platform, out, name, except, chunk } = command.opts<ExportOptions>();
    const [text = ''] = texts;
    if (form === LAYOUT) {
      if (chunk !== undefined) throw new ConfigurationError('--chunk is for files: a folder has none');
      if (out === undefined || out === STANDARD) {
        throw new ConfigurationError(`--out is needed for --form ${LAYOUT}: the folder`);
      }
      await exportLayout(context, command, { texts, out, except, platform, name });
      return;
    }
    if (texts.length > 1 || except !== undefined || chunk !== undefined) {
      if (form !== 'oci-archive' || name !== undefined) {
        throw new ConfigurationError('--form and --name are for one image: a set keeps what images are');
      }
      if (out === undefined || out === STANDARD) {
        throw new ConfigurationError('--out is needed for a set: what the names of its files begin with');
      }
      await exportSet(context, command, { texts, out, except, chunkBytes: chunk, platform });
      return;
    }
    const { repository, reference, isTag } = requireImage(context, text, { isLatestMeant: true });
    const { ask } = await connectTo(command, context);
    const image = encodeURIComponent(`${repository}${isTag ? ':' : '@'}${reference}`);
    const query = new URLSearchParams({
      format: form,
      ...(platform !== undefined && { platform }),
      ...(name !== undefined && { name }),
    });
    const response = await ask('GET', `${REGISTRY_API}/export/${image}?${query}`);
    if (response.body === null) throw new AnswerError('DATASTORE_FAILED', 'the datastore sent no archive');
    if (out === STANDARD) {
      await pipeline(response.body, output, { end: false });
      return;
    }
    const file = out ?? fileNameOf(response);
    const sizeBytes = Number(response.headers.get('content-length'));
    await writeWhole(file, response.body).catch((error: unknown) => {
      throw new ConfigurationError(`${file} cannot be written: ${errorMessage(error)}`, { cause: error });
    });
    if (isJson(command)) stdout.write(jsonText({ file, sizeBytes, form }));
    else stderr.write(`${printableText(file)}: ${sizeText(sizeBytes)}\n`);
  });
}
