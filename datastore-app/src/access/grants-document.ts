// SPDX-License-Identifier: Apache-2.0
import { dirname, resolve } from 'node:path';
import { plainIssue, problemsText } from '@local-datastore/shared/text/document-problems';
import * as z from 'zod';
import { parseFingerprint } from './certificate-fingerprint.ts';
import { type Grant, REGISTRY_ACTIONS } from './registry-policy.ts';
import { repositoryPattern } from './repository-pattern.ts';
import { whyUnusable } from './secret-hash.ts';

/** Of a user or a group. */
export const ACCESS_NAME = /^[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?$/i;
/** Of a device: its UUID, or another name. */
export const DEVICE_ID = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const TAG = '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}';
const REFERENCE = new RegExp(`^(.+?)(?::(${TAG})|@((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128})))$`);
const WHO = /^(?:anonymous|(?:user|group|device):(.+))$/;
const MAX_ENTRIES = 10_000;

export interface KnownUser {
  /** As {@link KEPT_SECRET} has it. */
  readonly password: string;
  readonly groups: readonly string[];
}

export interface KnownDevice {
  readonly key: string | undefined;
  /** Of the certificate, in lower-case hexadecimal digits. */
  readonly certificate: string | undefined;
}

/** What a person wrote of who may do what. */
export interface GrantsDocument {
  readonly users: ReadonlyMap<string, KnownUser>;
  readonly devices: ReadonlyMap<string, KnownDevice>;
  readonly grants: readonly Grant[];
  /** Patterns of files, absolute: device configurations, whose images are assigned. */
  readonly assignments: readonly string[];
}

const keptSecret = () =>
  z.string().check((context) => {
    const why = whyUnusable(context.value);
    // Without the value: it may be the secret itself, written there by mistake.
    if (why !== undefined) context.issues.push({ code: 'custom', input: undefined, message: why });
  });

const fingerprint = () =>
  z.string().transform((text, context) => {
    const hex = parseFingerprint(text);
    if (hex !== undefined) return hex;
    context.issues.push({ code: 'custom', input: text, message: 'the sha256 of a certificate expected' });
    return z.NEVER;
  });

const image = () =>
  z.string().transform((text, context) => {
    const [, name, tag, digest] = REFERENCE.exec(text) ?? [];
    const matches = repositoryPattern().safeParse(name ?? '');
    const reference = tag ?? digest;
    if (reference !== undefined && matches.success) return { matches: matches.data, reference };
    const message = 'an image expected, such as lab/cam/detector:3 or lab/cam/detector@sha256:…';
    context.issues.push({ code: 'custom', input: text, message });
    return z.NEVER;
  });

const who = () =>
  z
    .string()
    .refine((text) => WHO.test(text) && isName(text), {
      error: 'anonymous, user:NAME, user:*, group:NAME, device:ID or device:* expected',
    })
    .transform((text) => (text.startsWith('device:') ? text.toLowerCase() : text));

function isName(text: string): boolean {
  const [kind, name] = text.split(':');
  if (name === undefined) return true;
  if (name === '*') return kind !== 'group';
  return kind === 'device' ? DEVICE_ID.test(name.toLowerCase()) : ACCESS_NAME.test(name);
}

const listOf = <Item extends z.ZodType>(item: Item) =>
  z.preprocess(
    (value) => (Array.isArray(value) || value === undefined ? value : [value]),
    z.array(item).min(1).max(MAX_ENTRIES),
  );

const grantSchema = () =>
  z
    .strictObject({
      who: listOf(who()),
      repositories: listOf(repositoryPattern()).optional(),
      images: listOf(image()).optional(),
      actions: listOf(z.enum(REGISTRY_ACTIONS)),
    })
    .refine(({ repositories, images }) => repositories !== undefined || images !== undefined, {
      error: 'repositories or images expected',
    })
    .refine(
      ({ who: names, actions }) => !names.some(onlyPulls) || actions.every((action) => action === 'pull'),
      {
        error: 'devices and anonymous pull, and nothing else',
      },
    );

const onlyPulls = (name: string) => name === 'anonymous' || name.startsWith('device:');

const documentSchema = () =>
  z.strictObject({
    version: z.literal(1),
    users: z
      .record(
        z.string().regex(ACCESS_NAME, { error: 'a name expected' }),
        z.strictObject({
          password: keptSecret(),
          groups: z.array(z.string().regex(ACCESS_NAME)).default([]),
        }),
      )
      .default({}),
    devices: z
      .record(
        z.string().toLowerCase().regex(DEVICE_ID, { error: 'the id of a device expected' }),
        z
          .strictObject({ key: keptSecret().optional(), certificate: fingerprint().optional() })
          .refine(({ key, certificate }) => key !== undefined || certificate !== undefined, {
            error: 'key or certificate expected',
          }),
      )
      .default({}),
    grants: z.array(grantSchema()).max(MAX_ENTRIES).default([]),
    assignments: listOf(z.string().min(1).max(4096)).default([]),
  });

/**
 * Reads what a file of grants says.
 *
 * @param file whose folder relative patterns of files begin at
 * @throws Error naming every place that is wrong; secrets do not stand in it
 */
export function parseGrants(document: unknown, file: string): GrantsDocument {
  const parsed = documentSchema().safeParse(document ?? {}, { error: plainIssue });
  if (!parsed.success) throw new Error(problemsText(parsed.error));
  const { users, devices, grants, assignments } = parsed.data;
  return {
    users: new Map(Object.entries(users)),
    devices: new Map(Object.entries(devices).map(([id, { key, certificate }]) => [id, { key, certificate }])),
    grants: grants.map(({ repositories = [], images = [], ...grant }) => ({
      ...grant,
      repositories,
      images,
    })),
    assignments: assignments.map((pattern) => resolve(dirname(file), pattern)),
  };
}
