// SPDX-License-Identifier: Apache-2.0
import { TAR_BLOCK_BYTES } from '@local-datastore/shared/tar/tar-header';
import * as z from 'zod';
import { FILE_FORMAT_NAMES } from '../formats/file-format.ts';
import { FORMAT_PROBLEM_CODES, IMAGE_FORMATS } from '../formats/image-description.ts';
import { TAR_FLAWS } from '../formats/tar-members.ts';
import type { ParseOutcomes, ParseTask } from './file-parser.ts';

const MAX_MESSAGE = 4000;
/** A tar archive can give a member such a name. */
const MAX_NAME = 64 * 1024;
const MAX_PROBLEMS = 100;
const MAX_MEMBERS = 20_000;

/** Sentences of ours: nothing in them acts on a terminal. */
const sentences = z
  .string()
  .max(MAX_MESSAGE)
  .regex(/^\P{Cc}*$/u);
const name = z.string().max(MAX_NAME);
const bytes = z.number().int().nonnegative();
const names = z.array(name).max(MAX_MEMBERS);

const described = {
  format: z.enum(FILE_FORMAT_NAMES),
  description: z.strictObject({
    format: z.enum(IMAGE_FORMATS),
    content: z.string().regex(/^[a-z0-9-]{1,32}$/),
    virtualSizeBytes: bytes.nullable(),
    problems: z
      .array(z.strictObject({ code: z.enum(FORMAT_PROBLEM_CODES), message: sentences }))
      .max(MAX_PROBLEMS),
  }),
};

const layer = z.strictObject({ digest: name.nullable(), diffId: name.nullable(), sizeBytes: bytes });
const member = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), name, sizeBytes: bytes, isDisk: z.boolean() }),
  z.strictObject({
    kind: z.literal('image'),
    names,
    platform: name.nullable(),
    layers: z.array(layer).max(MAX_MEMBERS),
  }),
]);
/** Its content begins with a block behind one header at least, and ends where the next thing may begin. */
const tarMember = z.strictObject({
  ...{ name, offset: bytes.min(TAR_BLOCK_BYTES).multipleOf(TAR_BLOCK_BYTES), sizeBytes: bytes },
  type: z.string().length(1),
  isFile: z.boolean(),
  isSparse: z.boolean(),
  link: z.strictObject({ isSymbolic: z.boolean(), target: name }).optional(),
});
const foundMember = z
  .strictObject({ member: tarMember.nullable(), end: bytes, flaw: z.enum(TAR_FLAWS).nullable() })
  .refine(({ member, end }) => member === null || end === member.offset + member.sizeBytes);
const defect = z.strictObject({ code: z.enum([...FORMAT_PROBLEM_CODES, 'DAMAGED']), message: sentences });

/** What a task comes to, told by somebody who is not trusted: nothing but this. */
export const OUTCOME_SCHEMAS: { readonly [Task in ParseTask]: z.ZodType<ParseOutcomes[Task]> } = {
  describe: z.strictObject(described),
  list: z.strictObject({ ...described, members: z.array(member).max(MAX_MEMBERS) }),
  disks: z.strictObject({
    disks: z.array(z.strictObject({ name, offset: bytes, sizeBytes: bytes })).max(MAX_MEMBERS),
  }),
  member: foundMember,
  validate: z.strictObject({ ...described, defects: z.array(defect).max(MAX_PROBLEMS) }),
};
