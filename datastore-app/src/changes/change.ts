// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { CHANGE_ACTIONS, CHANGE_WAYS, type ChangeAction, type ChangeWay } from './change-words.ts';

/** Who did something, and from where. */
export interface ChangeOrigin {
  /** As tokens and grants call it, such as `admin` or `user:alice`; `host`: the command line of the machine. */
  readonly by: string;
  /** The address of the client; null: it is this machine itself. */
  readonly client: string | null;
}

/** The command line, on the folders themselves. */
export const BY_HOST: ChangeOrigin = { by: 'host', client: null };

/** A change, as whoever made it tells it. No secret is in it. */
export interface NewChange extends ChangeOrigin {
  readonly action: ChangeAction;
  readonly via: ChangeWay;
  /** A path below the root, or `oci:repository`, with `:tag` or `@digest`; of what was refused, what was asked for. */
  readonly image?: string | undefined;
  /** Of what was renamed: its name now. */
  readonly to?: string | undefined;
  /** Such as `sha256:…`. */
  readonly digest?: string | undefined;
  readonly sizeBytes?: number | undefined;
  /** Of what came from another registry: from where. */
  readonly source?: string | undefined;
  /** Of what was refused: the HTTP status. */
  readonly status?: number | undefined;
  /** How many equal ones it stands for; absent: one. */
  readonly count?: number | undefined;
}

/** Whoever changes something tells it here, once it is done: it is logged and written down. Never throws or waits. */
export type NoteChange = (change: NewChange, message: string) => void;

/** The name of something in the registry. @param reference a tag, or a digest such as `sha256:…`; undefined: all of it */
export function registryImage(repository: string, reference?: string): string {
  if (reference === undefined) return `oci:${repository}`;
  return `oci:${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
}

const text = (max: number) => z.string().max(max);

/** No text in a line is longer: what comes from outside is cut. */
const MAX_LENGTHS = { image: 1100, to: 1100, digest: 140, by: 300, client: 100, source: 1100 } as const;

/** One line of the record, as it stands in a file. */
export const changeLineSchema = () =>
  z.object({
    time: z.iso.datetime(),
    action: z.enum(CHANGE_ACTIONS),
    image: text(MAX_LENGTHS.image).optional(),
    to: text(MAX_LENGTHS.to).optional(),
    digest: text(MAX_LENGTHS.digest).optional(),
    sizeBytes: z.int().nonnegative().optional(),
    by: text(MAX_LENGTHS.by),
    client: text(MAX_LENGTHS.client).nullable(),
    via: z.enum(CHANGE_WAYS),
    source: text(MAX_LENGTHS.source).optional(),
    status: z.int().optional(),
    count: z.int().positive().optional(),
  });
export type ChangeLine = z.infer<ReturnType<typeof changeLineSchema>>;

/** A change as it is written down: no more of each text than a line has room for, and nothing else. */
export function lineOf(change: NewChange, time: Date): ChangeLine {
  const cut = (value: string, key: keyof typeof MAX_LENGTHS) => value.slice(0, MAX_LENGTHS[key]);
  const { image, to, digest, sizeBytes, by, client, source, status, count } = change;
  return {
    ...{ time: time.toISOString(), action: change.action },
    ...(image !== undefined && { image: cut(image, 'image') }),
    ...(to !== undefined && { to: cut(to, 'to') }),
    ...(digest !== undefined && { digest: cut(digest, 'digest') }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...{ by: cut(by, 'by'), client: client === null ? null : cut(client, 'client'), via: change.via },
    ...(source !== undefined && { source: cut(source, 'source') }),
    ...(status !== undefined && { status }),
    ...(count !== undefined && { count }),
  };
}
