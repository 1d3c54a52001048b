// SPDX-License-Identifier: Apache-2.0
import type { Output, OutputTable } from '@local-datastore/shared/command-line/output-schema';
import * as z from 'zod';
import { OPERATIONS } from '../access/registry-principal.ts';
import { inventorySchema } from '../archive-imports/inventory.ts';
import type { CheckReport } from '../check/report.ts';
import {
  hashUpdateSchema,
  imageChangeSchema,
  imageFactsSchema,
  imageValidationSchema,
  imageVersionSchema,
} from '../http/openapi/operation-schemas.ts';
import { bytes, sha256, time } from '../http/openapi/scalars.ts';
import { changesSchema } from '../http/routes/changes.ts';
import { imageUpstreamsSchema } from '../http/routes/image-upstreams.ts';
import { imageSchema } from '../http/routes/images.ts';
import { importJobAnswerSchema } from '../http/routes/import-jobs.ts';
import { collectedSchema } from '../http/routes/registry-collection.ts';
import { importReportSchema } from '../http/routes/registry-import.ts';
import { upstreamsSchema } from '../http/routes/registry-upstreams.ts';
import { knownRepositoriesSchema, knownRepositorySchema } from '../http/routes/repositories.ts';
import { validationSchema } from '../http/routes/repository-changes.ts';
import { fetchLineSchema } from './image-upstreams.ts';
import { progressLineSchema } from './import/progress-line.ts';

const count = z.int().nonnegative();
const digest = z.string().describe('Such as `sha256:…`.');
const repository = z.string();
const tag = z.string();

const reportSchema = (): z.ZodType<CheckReport> =>
  z.object({
    isFine: z.boolean().describe('No problem is an error.'),
    hostName: z.string().nullable().describe('With `.local`; null: nothing would be advertised.'),
    interfaces: z.array(
      z.object({
        name: z.string(),
        address: z.string().describe('The one it is called by.'),
        addresses: z.array(z.string()),
        services: z.array(
          z.object({
            type: z.string(),
            port: count,
            instanceName: z.string(),
            subtypes: z.array(z.string()),
            txt: z.array(z.string()),
          }),
        ),
      }),
    ),
    images: z.object({ root: z.string(), count, sizeBytes: bytes }).nullable(),
    state: z.string().nullable(),
    listeners: z.array(
      z.object({
        scheme: z.enum(['http', 'https']),
        address: z.string().nullable().describe('null: every address.'),
        port: count,
        trouble: z.string().nullable().describe('Why the port cannot be had.'),
      }),
    ),
    tls: z.enum(['off', 'authority', 'given']),
    certificate: z
      .object({
        kind: z.enum(['authority', 'given']),
        subject: z.string(),
        notAfter: z.string(),
        names: z.array(z.string()),
        addresses: z.array(z.string()),
        fingerprint256: z.string(),
      })
      .nullable(),
    writeTokenFile: z.string().nullable(),
    problems: z.array(
      z.object({
        severity: z.enum(['error', 'warning', 'info']),
        message: z.string(),
        file: z.string().exactOptional(),
        line: count.exactOptional(),
      }),
    ),
  });

const healthSchema = () =>
  z.object({
    url: z.string(),
    isReady: z.boolean(),
    reasons: z.array(z.string()).describe('Why it is not.'),
    warnings: z.array(z.string()),
  });

/** As it stands in the folder, also where no datastore runs. */
const listedSchema = () =>
  z.object({
    images: z.array(
      imageSchema()
        .pick({ path: true, sizeBytes: true, sha256: true, format: true, content: true })
        .extend(imageSchema().pick({ virtualSizeBytes: true, warnings: true, artifact: true }).shape)
        .extend(imageSchema().pick({ linkTo: true, nameForm: true, caseTwin: true, isReleased: true }).shape)
        .extend({ state: z.literal('corrupt').optional() }),
    ),
  });
const fetchedSchema = () =>
  z.object({ images: z.array(z.object({ path: z.string(), sizeBytes: bytes, sha256: sha256.nullable() })) });
const imageUpstreamsDocument = () =>
  imageUpstreamsSchema().extend({
    images: z.array(imageSchema()).optional().describe('With --list: those that can come.'),
  });
const fileSchema = () => z.object({ file: z.string(), sizeBytes: bytes });

const jobSchema = () => importJobAnswerSchema().omit({ blobs: true, step: true });
const jobsSchema = () => z.object({ imports: z.array(jobSchema()), failed: count });
const importSchema = () =>
  z.union([
    importReportSchema().pick({ images: true, failed: true, notices: true }),
    jobSchema().describe('Of docker://: a document for each source.'),
    z
      .object({
        images: z.array(
          z.union([
            jobSchema(),
            z.object({
              source: z.string(),
              state: z.literal('failed'),
              failure: z.object({ code: z.literal('REFUSED'), message: z.string() }),
            }),
          ]),
        ),
        failed: count,
      })
      .describe('With --mirror.'),
  ]);

const importProgressSchema = () =>
  z.union([
    progressLineSchema().describe('Of an archive.'),
    importJobAnswerSchema().omit({ blobs: true }).describe('Of docker:// and of --mirror.'),
  ]);

const namedImages = z.array(z.object({ name: z.string(), digest }));
const expected = { expected: count.describe('Blobs of the other side.'), expectedBytes: bytes };
const exportSchema = () =>
  z.union([
    fileSchema().extend({ form: z.string() }),
    z
      .object({
        folder: z.string(),
        form: z.literal('oci-layout'),
        images: namedImages,
        writtenBytes: bytes,
        keptBytes: bytes,
        ...expected,
      })
      .describe('With --form oci-layout.'),
    z
      .object({
        set: z.string(),
        images: namedImages,
        files: z.array(fileSchema()),
        ...expected,
      })
      .describe('Of a set.'),
  ]);

const madeUser = () =>
  z.object({
    name: z.string(),
    groups: z.array(z.string()),
    isNew: z.boolean(),
    password: z.string().optional().describe('Where it was drawn.'),
  });
const madeDevice = () =>
  z.object({
    id: z.string(),
    certificate: sha256.optional(),
    isNew: z.boolean(),
    key: z.string().optional().describe('Where it was drawn.'),
  });
const token = {
  user: z.string(),
  operation: z.enum(OPERATIONS),
  repository,
  tag: tag.nullable().describe('null: for all of the repository.'),
  ends: time,
};

const change: Output = { schema: imageChangeSchema };
const orDryRun = (done: z.ZodType): Output => ({
  schema: () => z.union([done, imageChangeSchema().describe('With --dry-run.')]),
});

/** What every command prints with `--json`. */
export const OUTPUTS: OutputTable = {
  version: 1,
  outputs: {
    check: { schema: reportSchema },
    health: { schema: healthSchema },
    'images list': { schema: listedSchema },
    'images fetch': { schema: fetchedSchema, progress: fetchLineSchema },
    'images upstreams': { schema: imageUpstreamsDocument },
    'images describe': { schema: imageFactsSchema },
    'images validate': { schema: imageValidationSchema },
    'images update-hash': { schema: hashUpdateSchema },
    'images release': change,
    'images rename': change,
    'images remove': change,
    'images extract': { schema: fileSchema },
    import: { schema: importSchema, progress: importProgressSchema },
    changes: { schema: changesSchema },
    'registry list': { schema: () => knownRepositoriesSchema().omit({ isMore: true }) },
    'registry show': { schema: () => knownRepositorySchema().omit({ isMore: true }) },
    'registry tag': { schema: () => z.object({ repository, tag, digest }) },
    'registry refer': {
      schema: () => z.object({ repository, tag, source: z.string(), insecure: z.boolean() }),
    },
    'registry untag': orDryRun(z.object({ repository, tag })),
    'registry delete': orDryRun(z.object({ repository, digest })),
    'registry release': { schema: () => z.object({ repository, tag, isReleased: z.boolean() }) },
    'registry validate': { schema: () => validationSchema().extend({ repository }) },
    'registry rename': change,
    'registry purge': change,
    'registry gc': { schema: () => collectedSchema().extend({ isApplied: z.boolean() }) },
    'registry export': { schema: exportSchema, progress: progressLineSchema },
    'registry inventory': { schema: inventorySchema },
    'registry create': { schema: imageVersionSchema },
    'registry adopt': { schema: importReportSchema },
    'registry capture': {
      schema: () =>
        z.object({ container: z.string(), image: z.string(), version: z.string().nullable(), digest }),
      progress: progressLineSchema,
    },
    'registry upstreams': { schema: upstreamsSchema },
    'registry imports': {
      schema: () =>
        z.union([
          jobsSchema(),
          jobSchema().describe('With --retry.'),
          z.object({ id: z.string() }).describe('With --cancel.'),
        ]),
    },
    'registry user add': { schema: madeUser },
    'registry user remove': { schema: () => z.object({ name: z.string() }) },
    'registry user list': {
      schema: () =>
        z.object({
          users: z.array(z.object({ name: z.string(), groups: z.array(z.string()), created: time })),
        }),
    },
    'registry device add': { schema: madeDevice },
    'registry device remove': { schema: () => z.object({ id: z.string() }) },
    'registry device list': {
      schema: () =>
        z.object({
          devices: z.array(
            z.object({
              id: z.string(),
              hasKey: z.boolean(),
              certificate: sha256.nullable(),
              created: time,
            }),
          ),
        }),
    },
    'registry token create': { schema: () => z.object({ ...token, password: z.string() }) },
    'registry token list': {
      schema: () =>
        z.object({ tokens: z.array(z.object({ ...token, created: time, hasEnded: z.boolean() })) }),
    },
    'registry token revoke': { schema: () => z.object({ user: z.string() }) },
    'registry token certificate': {
      schema: () => z.object({ keyId: z.string(), certificate: z.string().describe('PEM.') }),
    },
  },
};
