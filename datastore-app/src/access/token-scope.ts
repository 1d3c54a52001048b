// SPDX-License-Identifier: Apache-2.0
import { REGISTRY_ACTIONS, type RegistryAction } from './registry-policy.ts';
import type { TokenAccess } from './registry-tokens.ts';

/** A client that mounts many blobs asks for many repositories at once. */
const MAX_SCOPES = 100;
const MAX_SCOPE_CHARACTERS = 512;

const isAction = (text: string): text is RegistryAction => REGISTRY_ACTIONS.some((action) => action === text);

/** `type(class):name:actions`; a name may hold a port, and with it a colon. */
function parseOne(text: string): TokenAccess | undefined {
  if (text.length > MAX_SCOPE_CHARACTERS) return undefined;
  const [, type, name = '', words = ''] = /^([a-z]+)(?:\([a-z]+\))?:([^\s]+):([a-z,*]*)$/.exec(text) ?? [];
  if (type === 'registry' && name === 'catalog') return { type, name, actions: ['*'] };
  if (type !== 'repository') return undefined;
  const asked = words.split(',');
  const actions = asked.includes('*') ? REGISTRY_ACTIONS : [...new Set(asked.filter(isAction))];
  return { type, name, actions };
}

/**
 * What a client asks for, as docker's registries have it (distribution, "Token Scope Documentation"): several scopes
 * stand in one parameter, with spaces between them, or in several. What is unknown is left out.
 */
export function parseScopes(scopes: readonly string[]): TokenAccess[] {
  const words = scopes.flatMap((scope) => scope.split(' ')).filter((word) => word !== '');
  return words.slice(0, MAX_SCOPES).flatMap((word) => parseOne(word) ?? []);
}

/** {@link parseScopes} the other way round. */
export const scopeText = ({ type, name, actions }: TokenAccess): string =>
  `${type}:${name}:${actions.join(',')}`;
