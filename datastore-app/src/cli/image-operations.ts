// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import type * as z from 'zod';
import {
  hashUpdateSchema,
  imageFactsSchema,
  imageValidationSchema,
} from '../http/openapi/operation-schemas.ts';
import type { CommandContext } from './command-context.ts';
import { CorruptionError } from './exit-code.ts';
import { change, fetchFile, operate, requireImageName } from './operate.ts';
import { addClientOptions } from './registry/datastore-client.ts';
import { isJson } from './registry/records.ts';

const WHOLE_IMAGE = 'a path, such as linux/disk.qcow2, or oci:lab/app:1.2 of the registry';
const IMAGE =
  'a path, such as linux/disk.qcow2, a name without its folder, or a unique beginning of one; or oci:lab/app:1.2 of the registry';
const QUIET = ['--quiet', 'say only what went wrong'] as const;
const DRY_RUN = ['--dry-run', 'only say what would happen'] as const;

type Facts = z.infer<ReturnType<typeof imageFactsSchema>>;

function* factLines(facts: Facts): Generator<string> {
  yield `format        ${facts.format}${facts.content === facts.format ? '' : ` (${facts.content})`}`;
  yield `size          ${facts.sizeBytes} (${sizeText(facts.sizeBytes)})`;
  if (facts.virtualSizeBytes !== null) yield `virtual size  ${facts.virtualSizeBytes}`;
  yield `digest        ${facts.digest ?? '-'}`;
  yield `released      ${facts.isReleased ? 'yes' : 'no'}`;
  if (facts.origin !== null) yield `origin        ${facts.origin}`;
  if (facts.tags.length > 0) yield `tags          ${facts.tags.join(', ')}`;
  if (facts.platforms.length > 0) yield `platforms     ${facts.platforms.join(', ')}`;
  for (const member of facts.members) {
    const { kind, name, names, sizeBytes, platform, layers } = member as Record<string, unknown>;
    if (kind === 'file') yield `member        ${name}  ${sizeBytes}`;
    else {
      const called = Array.isArray(names) && names.length > 0 ? names.join(', ') : '(no name)';
      yield `image         ${called}  ${platform ?? '-'}  ${countText(Array.isArray(layers) ? layers.length : 0, 'layer')}`;
    }
  }
  for (const { digest, artifactType } of facts.referrers)
    yield `referrer      ${digest}  ${artifactType ?? '-'}`;
}

function describeCommand(context: CommandContext): Command {
  const command = new Command('describe')
    .description('Says what an image is, by what is in it.')
    .argument('<image>', IMAGE);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const facts = await operate(context, command, 'describe', { image }, imageFactsSchema());
    if (isJson(command)) {
      context.stdout.write(jsonText(facts));
      return;
    }
    for (const line of factLines(facts)) context.stdout.write(`${printableText(line)}\n`);
    for (const { message } of facts.problems) context.stderr.write(`${printableText(image)}: ${message}\n`);
  });
}

function validateCommand(context: CommandContext): Command {
  const command = new Command('validate')
    .description(
      'Reads an image whole, and compares it with all that it says of itself: checksums, tables, members, digests.',
    )
    .argument('<image>', IMAGE)
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const found = await operate(context, command, 'validate', { image }, imageValidationSchema());
    const { format, checks, checkedBytes, defects } = found;
    const isQuiet = command.opts<{ quiet?: true }>().quiet === true;
    if (isJson(command)) context.stdout.write(jsonText(found));
    else if (!isQuiet) {
      context.stderr.write(`${format}, ${sizeText(checkedBytes)} read: ${checks.join(', ')}\n`);
      for (const { code, message } of defects) context.stdout.write(`${code}  ${printableText(message)}\n`);
    }
    if (defects.length === 0) return;
    throw new CorruptionError(
      'IMAGE_CORRUPT',
      `${printableText(image)}: ${countText(defects.length, 'defect')}`,
    );
  });
}

function updateHashCommand(context: CommandContext): Command {
  const command = new Command('update-hash')
    .description('Reads an image again, and says whether its digest is another than was known.')
    .argument('<image>', IMAGE);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const found = await operate(context, command, 'update-hash', { image }, hashUpdateSchema());
    if (isJson(command)) context.stdout.write(jsonText(found));
    else
      context.stdout.write(
        `${found.digest}  ${printableText(image)}: ${found.isDifferent ? `was ${found.before}` : 'ok'}\n`,
      );
    if (!found.isDifferent) return;
    throw new CorruptionError('IMAGE_CORRUPT', `${printableText(image)} is another than it was`);
  });
}

function releaseCommand(context: CommandContext): Command {
  const command = new Command('release')
    .description('Keeps an image as it is: it is not replaced, renamed or removed.')
    .argument('<image>', IMAGE)
    .option('--undo', 'let it be changed again')
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const undo = command.opts<{ undo?: true }>().undo === true;
    await change(context, command, 'release', { image, ...(undo && { undo }) });
  });
}

function renameCommand(context: CommandContext): Command {
  const command = new Command('rename')
    .description('Gives an image another path; of the registry, a tag or a repository another name.')
    .argument('<image>', WHOLE_IMAGE)
    .argument('<name>', 'such as linux/other.qcow2; of a tag another tag; of a repository another name')
    .option(...DRY_RUN)
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string, to: string) => {
    const image = requireImageName(context, given);
    const dryRun = command.opts<{ dryRun?: true }>().dryRun === true;
    await change(context, command, 'rename', { image, to, dryRun });
  });
}

function removeCommand(context: CommandContext): Command {
  const command = new Command('remove')
    .description('Removes an image; of the registry with all tags that lead to it.')
    .argument('<image>', WHOLE_IMAGE)
    .option(...DRY_RUN)
    .option('--force', 'of the registry: also where an index names it')
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const { dryRun = false, force = false } = command.opts<{ dryRun?: true; force?: true }>();
    await change(context, command, 'remove', { image, dryRun, force });
  });
}

function extractCommand(context: CommandContext): Command {
  const command = new Command('extract')
    .description(
      'Writes a disk that stands in an image, of an OVA or of an artifact of the registry, as a file.',
    )
    .argument('<image>', IMAGE)
    .option('--disk <name>', 'which one (default: the only one)')
    .option('--out <file>', 'where to; - for stdout (default: named after the disk, in this folder)')
    .option(...QUIET);
  return addClientOptions(command).action(async (given: string) => {
    const image = requireImageName(context, given);
    const { disk, out } = command.opts<{ disk?: string; out?: string }>();
    await fetchFile(context, command, 'extract', { image, disk }, out);
  });
}

/** `datastore-app images describe|validate|update-hash|release|rename|remove|extract`: by the datastore. */
export const imageOperationCommands: readonly ((context: CommandContext) => Command)[] = [
  describeCommand,
  validateCommand,
  updateHashCommand,
  releaseCommand,
  renameCommand,
  removeCommand,
  extractCommand,
];
