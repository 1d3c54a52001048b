// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { RegistryAllowed } from '../access/registry-access.ts';
import { ADMIN, subjectOf } from '../access/registry-principal.ts';
import type { ChangeOrigin } from '../changes/change.ts';

/** Of a request that needs the write token, and has it. */
export const originOfWriter = ({ socket }: Pick<IncomingMessage, 'socket'>): ChangeOrigin => ({
  by: subjectOf(ADMIN),
  client: clientAddress(socket),
});

/** Of a request that grants have let. */
export const originOf = ({ subject, client }: Pick<RegistryAllowed, 'subject' | 'client'>): ChangeOrigin => ({
  by: subject,
  client,
});
