// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import { formatManifestReference, isTag } from '@local-datastore/shared/oci/reference';
import type { RegistryAccess, RegistryAction } from '../access/registry-access.ts';
import { ADMIN, subjectOf } from '../access/registry-principal.ts';
import type { ImportCaller } from '../archive-imports/import-staging.ts';
import { type ImageName, lowerCased, type OciName } from '../operations/image-name.ts';
import type { Authorize } from './authorize.ts';
import type { RegistryGate } from './registry-gate.ts';

export const OPERATIONS_API = '/-/api/v1/operations';

/** Whether a URL path, as sent, is for {@link PermitOperation} to decide about. */
export const isOperationsPath = (urlPath: string): boolean => urlPath.startsWith(`${OPERATIONS_API}/`);

/** What has to be permitted for an operation; to rename takes delete of the old name and push of the new. */
export type Needs = RegistryAction | 'release' | 'letGo' | 'purge' | 'rename';

export interface AskedOperation {
  readonly name: ImageName;
  /** Of what is renamed. */
  readonly to?: string | undefined;
  readonly needs: Needs;
}

export interface Permitted {
  /** For the log, such as `user:alice`. */
  readonly subject: string;
  /** The remote address. */
  readonly client: string;
  /** What else they may do in the registry. */
  readonly may: ImportCaller['may'];
  /** To be called once something was changed: temporary tokens end soon after. */
  noteDone(): Promise<void>;
}

/** Answers who may not do what they ask for. Files are for whoever may read or write all; repositories go by grants. */
export type PermitOperation = (
  request: IncomingMessage,
  response: ServerResponse,
  operation: string,
  asked: AskedOperation,
) => Promise<Permitted | undefined>;

export interface PermitOperationDeps {
  readonly authorize: Authorize;
  /** undefined: the registry is off. */
  readonly registry:
    | { readonly gate: RegistryGate; readonly noteDone: RegistryAccess['noteDone'] }
    | undefined;
}

const ACTIONS: Readonly<Record<Needs, RegistryAction>> = {
  ...{ pull: 'pull', push: 'push', delete: 'delete' },
  release: 'push',
  letGo: 'delete',
  purge: 'delete',
  rename: 'delete',
};

/** What a rename makes: another tag of the repository, or another repository. */
function targetOf({ repository, reference }: OciName, to: string) {
  if (reference === undefined) return { repository: lowerCased(to.replace(/^oci:/, '')).text };
  const tag = to.startsWith(`${repository}:`) ? to.slice(repository.length + 1) : to;
  return { repository, ...(isTag(tag) && { reference: tag }) };
}

export function createPermitOperation({ authorize, registry }: PermitOperationDeps): PermitOperation {
  return async (request, response, operation, { name, to = '', needs }) => {
    if (name.kind === 'file') {
      const wish = { action: needs === 'pull' ? 'read' : 'write', resource: { kind: 'own' } } as const;
      if (!authorize(request, response, wish)) return undefined;
      const client = clientAddress(request.socket);
      return { subject: subjectOf(ADMIN), client, may: () => true, noteDone: async () => {} };
    }
    if (registry === undefined) {
      sendProblem(response, { status: 404, detail: 'The registry is off (--registry).' });
      return undefined;
    }
    const { repository } = name;
    const reference =
      name.reference === undefined || needs === 'purge' ? undefined : formatManifestReference(name.reference);
    const allowed = await registry.gate(request, response, { action: ACTIONS[needs], repository, reference });
    if (allowed === undefined) return undefined;
    const target = needs === 'rename' ? targetOf(name, to) : undefined;
    if (target !== undefined && !allowed.may('push', target.repository, target.reference)) {
      const detail = `${allowed.subject} has no grant for push of ${target.repository}, which ${operation} takes.`;
      sendProblem(response, { status: 403, detail });
      return undefined;
    }
    const { subject, client, may } = allowed;
    return { subject, client, may, noteDone: () => registry.noteDone(subject) };
  };
}
