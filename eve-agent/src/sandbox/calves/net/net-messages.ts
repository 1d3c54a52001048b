// SPDX-License-Identifier: Apache-2.0
import { isIPv4 } from 'node:net';
import { printableText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import type { Bridge } from '../../../discovery/bridges.ts';
import { imageResolutionSchema } from '../../../reconcile/image-resolution.ts';
import { MAX_CHAIN_LENGTH } from '../../../registry/resolve-image.ts';
import { validatorsSchema } from '../../../transfer/validators.ts';
import { MAX_LONG_BYTES } from '../../exchange/long-value.ts';
import { wireErrorSchema } from '../../exchange/wire-error.ts';

/** What crosses between priv and the calf that speaks to the network. Both sides read it by these. */
const bytes = z.number().int().nonnegative();
const id = z.string().regex(/^[a-z0-9]{1,32}$/);
const shown = (length: number) => z.string().max(length).transform(printableText);
const address = z.string().max(64);
const ipv4 = z.string().refine(isIPv4);
const digest = z.strictObject({
  algorithm: z.enum(['sha256', 'sha512']),
  hex: z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/),
});
const url = z
  .string()
  .max(16_384)
  .refine((text) => URL.canParse(text))
  .transform((text) => new URL(text));

export const settingsSchema = z.strictObject({
  discovery: z.strictObject({ bridges: z.array(z.string().max(64)).max(256), timeoutMs: bytes }),
  transfer: z.strictObject({
    stallTimeoutMs: bytes,
    leastRate: z.strictObject({ bytesPerSecond: bytes, windowMs: bytes }),
    proxy: url.optional(),
    allowsInternalRedirects: z.boolean(),
  }),
});

const image = z.strictObject({
  name: z.string(),
  taggedName: z.string().nullable(),
  registry: url,
  repository: z.string(),
  tag: z.string().nullable(),
  digest: digest.nullable(),
});
const registryContent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('image'), image }),
  z.strictObject({ kind: z.literal('manifest'), image, digest }),
  z.strictObject({ kind: z.literal('blob'), image }),
]);
const credential = {
  authorization: z.string().nullable(),
  ca: z.string().nullable(),
  avoidedAddresses: z.array(address).transform((list) => new Set(list)),
  /** Whether what may pass is tried again at once, a few times. */
  isPersistent: z.boolean(),
};

/** By priv, at `/KIND/ID/order/…`. */
export const orderSchemas = {
  download: z.strictObject({
    url,
    sha256: z.string(),
    sizeBytes: bytes.nullable(),
    registry: registryContent.nullable(),
    ...credential,
  }),
  resolve: z.strictObject({ image, ...credential, wantsDocuments: z.boolean() }),
  probe: z.strictObject({ url }),
};

const origin = z.strictObject({
  url,
  address: address.nullable(),
  sourceAddress: address.nullable(),
  bridgeName: shown(64).nullable(),
});
/** By the calf, at `/download/ID/state`: an event of the download. */
export const stateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('located'), origin }),
  z.strictObject({ kind: z.literal('redirected'), url }),
  z.strictObject({ kind: z.literal('receiving'), fromBytes: bytes, totalBytes: bytes.nullable() }),
  z.strictObject({ kind: z.literal('starting-over'), reason: shown(1000) }),
  z.strictObject({ kind: z.literal('slow'), bytesPerSecond: z.number().nonnegative() }),
  z.strictObject({ kind: z.literal('fast-enough') }),
  z.strictObject({ kind: z.literal('verifying') }),
]);

const outcome = <Schema extends z.ZodType>(done: Schema) =>
  z.union([z.strictObject({ error: wireErrorSchema }), z.strictObject({ done })]);
/** By the calf, at `/KIND/ID/outcome/…`. */
export const outcomeSchemas = {
  /** Digest and size are priv's own. */
  download: outcome(
    z.strictObject({ resumedFromBytes: bytes, receivedBytes: bytes, attempts: bytes, origin }),
  ),
  resolve: outcome(
    z.strictObject({
      resolution: imageResolutionSchema,
      /** As far as they are wanted: what leads from its digest to its manifest, for priv to follow itself. */
      documents: z
        .array(z.strictObject({ mediaType: shown(255), base64: z.string().max(MAX_LONG_BYTES) }))
        .max(MAX_CHAIN_LENGTH),
    }),
  ),
  /** Where the host is; null: it is not on `.local`. */
  probe: outcome(ipv4.nullable()),
};

/** By the calf, at `/resolved/NAME/ip`. */
export const resolvedSchema = z.strictObject({
  host: shown(253),
  address: ipv4,
  /** Whether a question of its own went out within the last second. */
  hasJustAsked: z.boolean(),
});
export const hostsSchema = z.array(z.string().max(253));

const fillOperations = [
  z.strictObject({ do: z.literal('resume') }),
  z.strictObject({ do: z.literal('restart') }),
  z.strictObject({ do: z.literal('require-space'), neededBytes: bytes }),
  z.strictObject({ do: z.literal('publish') }),
  z.strictObject({ do: z.literal('abandon'), isWrong: z.boolean() }),
] as const;
/** What concerns the bytes of a target. */
export const fillOperationSchema = z.discriminatedUnion('do', fillOperations);
export type FillOperation = z.infer<typeof fillOperationSchema>;
/** What a target is told to do, after all bytes that were sent before. */
const operation = z.discriminatedUnion('do', [
  ...fillOperations,
  z.strictObject({
    do: z.literal('begin'),
    neededBytes: bytes,
    totalBytes: bytes.nullable(),
    validators: validatorsSchema,
  }),
  z.strictObject({ do: z.literal('close') }),
]);
export type TargetOperation = z.infer<typeof operation>;

/** By the calf, at `/ask/N`. */
export const askSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bridges') }),
  z.strictObject({ kind: z.literal('group-socket') }),
  z.strictObject({
    kind: z.literal('asking-socket'),
    address: ipv4,
    isOwnPort: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('join'), address: ipv4 }),
  z.strictObject({
    kind: z.literal('flow'),
    host: z.string().min(1).max(253),
    port: z.number().int().min(1).max(65_535),
    localAddress: address.nullable(),
    refusesInternal: z.boolean(),
    /** Whether it is plain HTTP, so that its body may be priv's to read. */
    isReturnable: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('target'), job: id }),
  z.strictObject({ kind: z.literal('operate'), job: id, sentBytes: bytes, operation }),
  /** Gives a connection back: so many bytes are still to be read from it, behind those that were sent before. */
  z.strictObject({
    kind: z.literal('receive'),
    job: id,
    sentBytes: bytes,
    flow: bytes,
    restBytes: z.number().int().positive(),
  }),
]);
export type NetAsk = z.infer<typeof askSchema>;

/** What priv gives for them, beside descriptors. */
export const flowGiftSchema = z.strictObject({
  /** By which it can be given back; null: it cannot. */
  flow: bytes.nullable(),
});
export type FlowGift = z.infer<typeof flowGiftSchema>;
export const receivedSchema = z.strictObject({
  receivedBytes: bytes,
  end: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('whole') }),
    z.strictObject({ kind: z.literal('stalled') }),
    z.strictObject({ kind: z.literal('lost'), error: wireErrorSchema }),
  ]),
});
export type Received = z.infer<typeof receivedSchema>;
export const bridgesGiftSchema = z.strictObject({ bridges: z.array(z.custom<Bridge>()) });
export const targetGiftSchema = z.strictObject({
  /** What an earlier run left. */
  stored: z
    .strictObject({
      /** Whether it is of the same URL and digest. */
      isOfOrder: z.boolean(),
      totalBytes: bytes.nullable(),
      validators: validatorsSchema,
      sizeBytes: bytes,
    })
    .nullable(),
});
export const verdictSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('accepted'), digest }),
  z.strictObject({ kind: z.literal('wrong-size') }),
  z.strictObject({ kind: z.literal('wrong-digest'), digest }),
]);
