// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { appInstanceStatusSchema } from '@local-datastore/shared/eve/app-instance-status';
import { contentTreeStatusSchema } from '@local-datastore/shared/eve/content-tree-status';
import { matchName, type Named } from '@local-datastore/shared/text/name-match';
import { printableText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import type { AgentClient } from '../api/client.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** More would only hide that the word is too short. */
const MAX_TOLD = 5;

/** A kind of thing that people name. */
export interface NamedKind {
  /** As a sentence calls one. */
  readonly noun: string;
  /** The command that lists them. */
  readonly listedBy: string;
  /** The agent itself says of a name whether there is such a thing. */
  readonly isIdName?: true;
  list(client: AgentClient, signal: AbortSignal): Promise<readonly Named[]>;
}

const treesSchema = z.looseObject({ contentTrees: z.array(contentTreeStatusSchema) });

export const CONTENT_TREES: NamedKind = {
  noun: 'content tree',
  listedBy: 'eve-agent status',
  async list(client, signal) {
    const { contentTrees } = treesSchema.parse(await client.ask('GET', '/v1/status', signal));
    return contentTrees.map(({ ContentID, DisplayName, RelativeURL }) => ({
      id: ContentID,
      name: DisplayName || RelativeURL,
    }));
  },
};

export const APPS: NamedKind = {
  noun: 'app',
  listedBy: 'eve-agent app list',
  async list(client, signal) {
    const apps = z.array(appInstanceStatusSchema).parse(await client.ask('GET', '/v1/apps', signal));
    return apps.map(({ AppID, DisplayName }) => ({ id: AppID, name: DisplayName }));
  },
};

export const DEPLOYMENTS: NamedKind = {
  noun: 'deployment',
  isIdName: true,
  listedBy: 'eve-agent deploy list',
  async list(client, signal) {
    const schema = z.array(z.looseObject({ name: z.string() }));
    const deployments = schema.parse(await client.ask('GET', '/v1/deployments', signal));
    return deployments.map(({ name }) => ({ id: name, name }));
  },
};

/**
 * The ids of what a person means by words: uuids, display names, or unique beginnings of them. Whole uuids are not
 * looked for: the agent itself knows whether there is such a thing.
 *
 * @throws ConfigurationError where a word means nothing, or several
 */
export async function findNamed(
  client: AgentClient,
  { noun, listedBy, isIdName, list }: NamedKind,
  words: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const known = words.every((word) => UUID.test(word)) ? [] : await list(client, signal);
  return words.map((word) => {
    if (UUID.test(word)) return word.toLowerCase();
    const match = matchName(word, known);
    if (match.kind === 'one') return match.found.id;
    if (match.kind === 'none' && isIdName === true) return word;
    const shown = printableText(word);
    if (match.kind === 'none')
      throw new ConfigurationError(`there is no ${noun} "${shown}": "${listedBy}" lists them`);
    const told = match.found.slice(0, MAX_TOLD).map(({ id, name }) => (id === name ? id : `${id} (${name})`));
    const more = match.found.length > MAX_TOLD ? ' …' : '';
    throw new ConfigurationError(
      `"${shown}" is not the only ${noun} of that name or beginning: ${printableText(told.join(', '))}${more}`,
    );
  });
}

/** {@link findNamed} for one word. @throws ConfigurationError */
export async function findOneNamed(
  client: AgentClient,
  kind: NamedKind,
  word: string,
  signal: AbortSignal,
): Promise<string> {
  const [id = ''] = await findNamed(client, kind, [word], signal);
  return id;
}
