// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import type * as z from 'zod';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { upstreamsSchema } from '../../http/routes/registry-upstreams.ts';
import { knownRepositoriesSchema, knownRepositorySchema } from '../../http/routes/repositories.ts';
import { lowerCased } from '../../operations/image-name.ts';
import type { CommandContext } from '../command-context.ts';
import { addClientOptions, connectTo, type DatastoreClient } from './datastore-client.ts';
import { isJson } from './records.ts';

type Listed = z.infer<ReturnType<typeof knownRepositoriesSchema>>['repositories'][number];
type Described = z.infer<ReturnType<typeof knownRepositorySchema>>;

/** Reads the name of a repository; capital letters are made small, with a notice. @throws ConfigurationError */
export function requireRepositoryName({ stderr }: Pick<CommandContext, 'stderr'>, given: string): string {
  const { text: name, notice } = lowerCased(given);
  if (notice !== undefined) stderr.write(`${notice}\n`);
  const why = whyNoRepositoryName(name);
  if (why !== undefined) throw new ConfigurationError(`"${name}": ${why}`);
  return name;
}

/** Where a page begins. */
const behind = (last: string | undefined) => (last === undefined ? '' : `?${new URLSearchParams({ last })}`);

async function readAll({ read }: DatastoreClient): Promise<Listed[]> {
  const all: Listed[] = [];
  for (let isMore = true; isMore; ) {
    const path = `${REGISTRY_API}/repositories${behind(all.at(-1)?.name)}`;
    const page = await read('GET', path, knownRepositoriesSchema());
    all.push(...page.repositories);
    isMore = page.isMore && page.repositories.length > 0;
  }
  return all;
}

async function readOne({ read }: DatastoreClient, name: string): Promise<Described> {
  const tags: Described['tags'] = [];
  while (true) {
    const path = `${REGISTRY_API}/repositories/${encodeURIComponent(name)}${behind(tags.at(-1)?.tag)}`;
    const page = await read('GET', path, knownRepositorySchema());
    tags.push(...page.tags);
    if (!page.isMore || page.tags.length === 0) return { ...page, tags, isMore: false };
  }
}

/** `datastore-app registry list`. */
export function listCommand(context: CommandContext): Command {
  const { stdout } = context;
  const command = new Command('list').description('Lists the repositories of the registry.');
  return addClientOptions(command).action(async () => {
    const repositories = await readAll(await connectTo(command, context));
    if (isJson(command)) {
      stdout.write(jsonText({ repositories }));
      return;
    }
    for (const { name, kind, tagCount, sizeBytes, updated } of repositories) {
      stdout.write(`${name}  ${kind}  ${countText(tagCount, 'tag')}  ${sizeText(sizeBytes)}  ${updated}\n`);
    }
  });
}

/** `datastore-app registry show NAME`. */
export function showCommand(context: CommandContext): Command {
  const { stdout, stderr } = context;
  const command = new Command('show')
    .description('Shows the tags of a repository, and what they lead to.')
    .argument('<name>', 'such as lab/app');
  return addClientOptions(command).action(async (given: string) => {
    const name = requireRepositoryName(context, given);
    const repository = await readOne(await connectTo(command, context), name);
    if (isJson(command)) {
      const { isMore: _all, ...described } = repository;
      stdout.write(jsonText(described));
      return;
    }
    for (const {
      tag,
      digest,
      kind,
      sizeBytes,
      platforms,
      pushed,
      isReleased,
      isComplete,
    } of repository.tags) {
      const notes = [
        ...(isReleased ? ['released'] : []),
        ...(isComplete ? [] : ['parts of it are not here']),
      ];
      const facts = [tag, digest, kind, sizeText(sizeBytes), platforms.join(',') || '-', pushed, ...notes];
      stdout.write(`${facts.join('  ')}\n`);
    }
    for (const { tag, source, at } of repository.external) {
      stdout.write(`${tag}  ${source}  not here yet  ${at}\n`);
    }
    if (repository.manifests > 0)
      stderr.write(`${countText(repository.manifests, 'manifest')} without a tag\n`);
  });
}

/** `datastore-app registry upstreams`. */
export function upstreamsCommand(context: CommandContext): Command {
  const { stdout } = context;
  const command = new Command('upstreams').description(
    'Shows the registries from which images are imported, and the imports that run.',
  );
  return addClientOptions(command).action(async () => {
    const client = await connectTo(command, context);
    const found = await client.read('GET', `${REGISTRY_API}/upstreams`, upstreamsSchema());
    if (isJson(command)) {
      stdout.write(jsonText(found));
      return;
    }
    for (const { prefix, url, state, reason } of found.upstreams) {
      stdout.write(`${prefix}  ${url}  ${state}${reason === null ? '' : `: ${reason}`}\n`);
    }
    for (const { repository, digest, receivedBytes, sizeBytes } of found.imports) {
      stdout.write(`${repository}  ${digest}  ${sizeText(receivedBytes)} of ${sizeText(sizeBytes)}\n`);
    }
  });
}
