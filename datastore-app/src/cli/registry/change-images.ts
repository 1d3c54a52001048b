// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { isTag, TAG_RULES } from '@local-datastore/shared/oci/reference';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { collectedSchema } from '../../http/routes/registry-collection.ts';
import { validationSchema } from '../../http/routes/repository-changes.ts';
import { parseImportSource } from '../../registry-imports/import-source.ts';
import type { CommandContext } from '../command-context.ts';
import { CorruptionError } from '../exit-code.ts';
import { change } from '../operate.ts';
import {
  addClientOptions,
  connectTo,
  type DatastoreClient,
  type NamedImage,
  requireImage,
} from './datastore-client.ts';
import { isJson } from './records.ts';
import { requireRepositoryName } from './show-images.ts';

const pathOf = (repository: string, ...rest: readonly string[]) =>
  [`${REGISTRY_API}/repositories`, ...[repository, ...rest].map(encodeURIComponent)].join('/');

/** The digest of what a name leads to. */
export async function resolveImage(
  { ask }: DatastoreClient,
  { repository, reference, isTag: isNamed }: NamedImage,
) {
  if (!isNamed) return reference;
  const answer = await ask('GET', `/v2/${repository}/manifests/${reference}`).catch((error: unknown) => {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(`there is no image ${repository}:${reference}`, { cause: error });
  });
  await answer.body?.cancel();
  return answer.headers.get('docker-content-digest') ?? reference;
}

function requireTag(context: CommandContext, text: string): NamedImage {
  const image = requireImage(context, text);
  if (!image.isTag)
    throw new ConfigurationError(`"${text}": a tag is meant here, such as ${image.repository}:1.2`);
  return image;
}

/** Says what was done. */
function say({ stdout, stderr }: CommandContext, command: Command, document: object, sentence: string): void {
  if (isJson(command)) stdout.write(jsonText(document));
  else stderr.write(`${sentence}\n`);
}

/** `datastore-app registry tag IMAGE TAG`. */
export function tagCommand(context: CommandContext): Command {
  const command = new Command('tag')
    .description('Points a tag to an image of the same repository.')
    .argument('<image>', 'such as lab/app:1.2 or lab/app@sha256:…')
    .argument('<tag>', 'such as latest');
  return addClientOptions(command).action(async (text: string, tag: string) => {
    const image = requireImage(context, text);
    if (!isTag(tag)) throw new ConfigurationError(`"${tag}": ${TAG_RULES}`);
    const client = await connectTo(command, context);
    const digest = await resolveImage(client, image);
    await client.ask('PUT', pathOf(image.repository, 'tags', tag), { digest });
    const { repository } = image;
    say(context, command, { repository, tag, digest }, `${repository}:${tag} leads to ${digest}`);
  });
}

/** `datastore-app registry refer NAME:TAG SOURCE`. */
export function referCommand(context: CommandContext): Command {
  const command = new Command('refer')
    .description('Lets a tag stand for an image of another registry, which is fetched at its first pull.')
    .argument('<image>', 'such as lab/app:1.2')
    .argument('<source>', 'such as docker://registry.example/lab/app:1.2, with @sha256:… for just this one')
    .option('--insecure', 'speak http to that registry');
  return addClientOptions(command).action(async (text: string, source: string) => {
    const { repository, reference: tag } = requireTag(context, text);
    const parsed = parseImportSource(source);
    if (parsed.kind === 'invalid') throw new ConfigurationError(`"${source}": ${parsed.reason}`);
    const insecure = command.opts<{ insecure?: true }>().insecure === true;
    const { ask } = await connectTo(command, context);
    await ask('PUT', pathOf(repository, 'tags', tag, 'reference'), { source, insecure });
    const sentence = `${repository}:${tag} is fetched from ${source} when it is asked for`;
    say(context, command, { repository, tag, source, insecure }, sentence);
  });
}

/** `datastore-app registry untag NAME:TAG`. */
export function untagCommand(context: CommandContext): Command {
  const command = new Command('untag')
    .description('Removes a tag; what it led to stays, until it is collected where nothing else leads to it.')
    .argument('<image>', 'such as lab/app:1.2')
    .option('--dry-run', 'only say what would happen');
  return addClientOptions(command).action(async (text: string) => {
    const { repository, reference: tag } = requireTag(context, text);
    if (command.opts<{ dryRun?: true }>().dryRun === true) {
      const body = { image: `oci:${repository}:${tag}`, dryRun: true, tagOnly: true };
      await change(context, command, 'remove', body);
      return;
    }
    const { ask } = await connectTo(command, context);
    await ask('DELETE', pathOf(repository, 'tags', tag));
    say(context, command, { repository, tag }, `${repository}:${tag} is removed`);
  });
}

/** `datastore-app registry delete IMAGE`. */
export function deleteCommand(context: CommandContext): Command {
  const command = new Command('delete')
    .description('Removes an image with all tags that lead to it.')
    .argument('<image>', 'such as lab/app:1.2 or lab/app@sha256:…')
    .option('--force', 'also where an index names it')
    .option('--dry-run', 'only say what would happen');
  return addClientOptions(command).action(async (text: string) => {
    const image = requireImage(context, text);
    const { dryRun = false, force = false } = command.opts<{ dryRun?: true; force?: true }>();
    if (dryRun) {
      const name = `oci:${image.repository}${image.isTag ? ':' : '@'}${image.reference}`;
      await change(context, command, 'remove', { image: name, dryRun, force });
      return;
    }
    const client = await connectTo(command, context);
    const digest = await resolveImage(client, image);
    const path = pathOf(image.repository, 'manifests', digest);
    await client.ask('DELETE', force ? `${path}?force=true` : path);
    const { repository } = image;
    say(context, command, { repository, digest }, `${repository}@${digest} is removed, with its tags`);
  });
}

/** `datastore-app registry release NAME:TAG`. */
export function releaseCommand(context: CommandContext): Command {
  const command = new Command('release')
    .description('Makes a tag immutable: it is never moved or removed.')
    .argument('<image>', 'such as lab/app:1.2')
    .option('--undo', 'let it be moved again');
  return addClientOptions(command).action(async (text: string) => {
    const { repository, reference: tag } = requireTag(context, text);
    const isReleased = command.opts<{ undo?: true }>().undo !== true;
    const { ask } = await connectTo(command, context);
    await ask(isReleased ? 'PUT' : 'DELETE', pathOf(repository, 'tags', tag, 'release'));
    const sentence = isReleased ? 'is released' : 'can be moved again';
    say(context, command, { repository, tag, isReleased }, `${repository}:${tag} ${sentence}`);
  });
}

/** `datastore-app registry validate NAME`. */
export function validateCommand(context: CommandContext): Command {
  const command = new Command('validate')
    .description('Reads everything of a repository again, and compares it with its digests.')
    .argument('<name>', 'such as lab/app');
  return addClientOptions(command).action(async (given: string) => {
    const name = requireRepositoryName(context, given);
    const { read } = await connectTo(command, context);
    const validation = await read('POST', pathOf(name, 'validate'), validationSchema());
    const { checked, checkedBytes, problems } = validation;
    say(
      context,
      command,
      { repository: name, ...validation },
      `${countText(checked, 'part')} read, ${sizeText(checkedBytes)}`,
    );
    if (!isJson(command)) {
      for (const { digest, problem } of problems) context.stdout.write(`${digest}  ${problem}\n`);
    }
    if (problems.length === 0) return;
    throw new CorruptionError(
      'IMAGE_CORRUPT',
      `${name}: missing or damaged: ${countText(problems.length, 'part')}`,
    );
  });
}

/** `datastore-app registry gc`. */
export function gcCommand(context: CommandContext): Command {
  const command = new Command('gc')
    .description('Says what of the registry belongs to no image; with --yes it goes to the trash.')
    .option('--yes', 'collect it');
  return addClientOptions(command).action(async () => {
    const isApplied = command.opts<{ yes?: true }>().yes === true;
    const { read } = await connectTo(command, context);
    const collected = await read('POST', `${REGISTRY_API}/gc?apply=${isApplied}`, collectedSchema());
    if (isJson(command)) context.stdout.write(jsonText({ ...collected, isApplied }));
    else for (const sentence of collected.sentences) context.stdout.write(`${sentence}\n`);
    if (!isJson(command) && !isApplied) context.stderr.write('nothing was changed: --yes does it\n');
  });
}
