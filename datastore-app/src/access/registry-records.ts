// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { ACCESS_NAME } from './grants-document.ts';
import { createRecordFile } from './record-file.ts';
import { OPERATIONS } from './registry-principal.ts';
import { KEPT_SECRET } from './secret-hash.ts';

const keptSecret = () => z.string().regex(KEPT_SECRET);
const time = () => z.iso.datetime();

const userRecord = () =>
  z.strictObject({
    password: keptSecret(),
    groups: z.array(z.string().regex(ACCESS_NAME)),
    created: time(),
  });
const deviceRecord = () =>
  z.strictObject({
    key: keptSecret().optional(),
    /** SHA-256, lower-case hexadecimal digits. */
    certificate: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    created: time(),
  });
const tokenRecord = () =>
  z.strictObject({
    secret: keptSecret(),
    operation: z.enum(OPERATIONS),
    repository: z.string(),
    tag: z.string().optional(),
    created: time(),
    ends: time(),
  });

export type UserRecord = z.infer<ReturnType<typeof userRecord>>;
export type DeviceRecord = z.infer<ReturnType<typeof deviceRecord>>;
export type TokenRecord = z.infer<ReturnType<typeof tokenRecord>>;

/** What commands make, in files of the state directory that only its owner can read. */
export const createRegistryRecords = (stateDirectory: string) => ({
  users: createRecordFile<UserRecord>(stateDirectory, 'registry-users.json', userRecord),
  devices: createRecordFile<DeviceRecord>(stateDirectory, 'registry-devices.json', deviceRecord),
  tokens: createRecordFile<TokenRecord>(stateDirectory, 'registry-tokens.json', tokenRecord),
});

export type RegistryRecords = ReturnType<typeof createRegistryRecords>;

/** A token that ended so long ago is forgotten with the next change. */
const KEPT_MS = 86_400_000;

/** Forgets the tokens that ended long ago. */
export function forgetEnded(tokens: Map<string, TokenRecord>, nowMs: number): void {
  for (const [id, { ends }] of tokens) if (Date.parse(ends) + KEPT_MS < nowMs) tokens.delete(id);
}

/** For what belongs to the same operation: the tags of a push, the look at what was pushed. */
const DONE_MS = 60_000;

/** Lets a token that did what it is for end soon, where it would not end sooner by itself. */
export function endSoon(tokens: Map<string, TokenRecord>, id: string, nowMs: number): void {
  const token = tokens.get(id);
  if (token === undefined || Date.parse(token.ends) <= nowMs + DONE_MS) return;
  tokens.set(id, { ...token, ends: new Date(nowMs + DONE_MS).toISOString() });
}
