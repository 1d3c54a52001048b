import * as z from 'zod';

/** What the API answers, as it stands in the OpenAPI document. Tests hold real answers against these. */

const bytes = z.number().int().nonnegative();
const time = z.iso.datetime();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What happened in this very case.'),
    code: z.string().optional().describe('Tells programs which error it was, such as NO_SPACE.'),
    reasons: z.array(z.string()).optional(),
  })
  .describe('RFC 9457.');

export const imageSchema = z.object({
  path: z.string().describe('Below the root, and the URL path without the first slash.'),
  sizeBytes: bytes,
  sha256: sha256.nullable().describe('null until it is hashed.'),
  state: z.enum(['hashing', 'ready', 'corrupt']),
  linkTo: z.string().optional().describe('Of a symbolic link: the path of the file to which it leads.'),
  nameForm: z
    .enum(['composed', 'decomposed', 'mixed'])
    .optional()
    .describe('Where another path looks the same: the Unicode form of this one.'),
  isGrowing: z
    .boolean()
    .describe('It may not be complete: somebody has it open, or it was written to lately.'),
  hashedBytes: bytes,
  verifiedAt: time.nullable().describe('When all of it was last read and fitted; null: not yet.'),
  format: z.string().describe('By content: qcow2, vmdk, vhd, vhdx, ova, iso, raw, container.'),
  content: z.string().describe('What it is, in a word: the format, or such as vdi, gzip, html.'),
  virtualSizeBytes: bytes.nullable().describe('What a guest sees; null where the format does not say.'),
  warnings: z
    .array(z.object({ code: z.string(), message: z.string() }))
    .describe('What keeps EVE from using it as it is, and what to do.'),
  modified: time,
});

export const imagesSchema = z.object({ images: z.array(imageSchema) });

export const downloadLinkSchema = z.object({ url: z.string(), lifetimeSeconds: z.number() });

export const publishedSchema = z.object({ path: z.string(), sizeBytes: bytes, sha256 });

export const importedSchema = z.object({
  images: z.array(z.object({ path: z.string(), sizeBytes: bytes, sha256, outcome: z.string() })),
});

export const uploadSchema = z.object({
  id: z.string(),
  url: z.string(),
  path: z.string(),
  sizeBytes: bytes,
  receivedBytes: bytes,
  created: time,
  expires: time,
});

export const uploadsSchema = z.object({ uploads: z.array(uploadSchema) });

export const uploadStatusSchema = uploadSchema.extend({
  isPublished: z.boolean(),
  sha256: sha256.nullable().optional(),
});

export const statusSchema = z.object({
  version: z.string(),
  startedAt: time,
  hostName: z.string().nullable().describe('With .local; null: nothing is advertised.'),
  isReady: z.boolean(),
  reasons: z.array(z.string()).describe('Why it is not ready.'),
  warnings: z.array(z.string()).describe('What a person should know though devices are served.'),
  listeners: z.object({ http: z.number().int().nullable(), https: z.number().int().nullable() }),
  advertising: z
    .object({
      isReady: z.boolean(),
      reasons: z.array(z.string()),
      warnings: z.array(z.string()),
      hostName: z.string(),
      interfaces: z.array(
        z.object({
          name: z.string(),
          address: z.string().describe('The one it is called by.'),
          addresses: z.array(z.string()).describe('All its IPv4 addresses that are advertised.'),
          services: z.array(z.string()),
          state: z.enum(['announcing', 'checking', 'ready', 'conflict', 'unanswered']),
        }),
      ),
    })
    .nullable(),
  queries: z
    .array(z.object({ at: time, source: z.string(), interface: z.string(), question: z.string() }))
    .describe('The last multicast DNS questions heard, newest first.'),
  downloads: z.array(
    z.object({
      id: z.number().int(),
      path: z.string(),
      client: z.string(),
      userAgent: z.string().nullable(),
      startedAt: time,
      endedAt: time.nullable(),
      sentBytes: bytes,
      totalBytes: bytes,
      state: z
        .enum(['running', 'done', 'probe', 'broken'])
        .describe('probe: the doctor of the agent left when it had seen enough.'),
    }),
  ),
  disk: z.object({
    freeBytes: bytes,
    totalBytes: bytes,
    imageBytes: bytes,
    quotaBytes: bytes.nullable(),
    reserveBytes: bytes,
  }),
  tls: z
    .object({
      kind: z.enum(['authority', 'given']),
      subject: z.string(),
      notAfter: time,
      names: z.array(z.string()),
      addresses: z.array(z.string()),
      fingerprint256: z.string(),
    })
    .nullable(),
  access: z.object({ isReadOpen: z.boolean() }),
});

export const eveSettingsSchema = z.object({
  datastore: z.object({
    dType: z.string(),
    fqdn: z.string(),
    dpath: z.string(),
    certificatePem: z.string().nullable(),
  }),
  content: z.object({
    url: z.string(),
    format: z.string(),
    sha256: sha256.nullable(),
    maxSizeBytes: bytes,
  }),
  text: z.string(),
  deviceConfig: z.object({
    datastores: z.array(z.looseObject({})),
    contentInfo: z.array(z.looseObject({})),
  }),
  edenCommand: z.string(),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});

export const healthSchema = z.object({
  status: z.literal('ok'),
  warnings: z.array(z.string()).optional().describe('Of readyz: what a person should know all the same.'),
});
