// SPDX-License-Identifier: Apache-2.0
import type { Output, OutputTable } from '@local-datastore/shared/command-line/output-schema';
import { appInstanceStatusSchema } from '@local-datastore/shared/eve/app-instance-status';
import { appStateChangeSchema } from '@local-datastore/shared/eve/app-state-change';
import { contentTreeStatusSchema } from '@local-datastore/shared/eve/content-tree-status';
import * as z from 'zod';
import { agentStatusSchema, configurationStatusSchema } from '../api/status-schema.ts';
import { diagnosisSchema } from '../doctor/report.ts';
import type { MadeCertificate } from '../launch/certificates/certificate-authority.ts';
import { deploymentViewSchema, operationResultSchema } from '../launch/deployments/deployment-view.ts';
import { historyEntrySchema } from '../launch/deployments/history.ts';
import { lineSchema as auditLineSchema } from '../sandbox/audit/audit-line.ts';
import type { AuditVerdict } from '../sandbox/audit/verify-audit-log.ts';
import { browseSchema } from './browse.ts';
import { operationProgressSchema } from './deploy/operation-lines.ts';
import { downloadedSchema } from './download.ts';
import { pulledSchema } from './download-image.ts';
import { healthSchema } from './health.ts';
import { lineSchema as outputLineSchema } from './log-options.ts';
import { lineSchema as logLineSchema } from './logs.ts';
import { progressLineSchema } from './progress-line.ts';
import { resolvedSchema } from './resolve.ts';

const event = <Name extends string, Data extends z.ZodType>(name: Name, data: Data) =>
  z.object({ event: z.literal(name), data });

/** An event of `/v1/events`. */
const eventSchema = () =>
  z.discriminatedUnion('event', [
    event('configuration', configurationStatusSchema()),
    event('content-tree', contentTreeStatusSchema),
    event('content-tree-removed', z.looseObject({ ContentID: z.string() })),
    event('app', appInstanceStatusSchema),
    event('app-state', appStateChangeSchema),
    event('app-removed', z.looseObject({ AppID: z.string() })),
  ]);

const MADE = {
  name: z.string(),
  certificate: z.string().describe('The file of it.'),
  key: z.string().describe('The file of it.'),
  serial: z.string().describe('Hexadecimal.'),
  notAfter: z.string().describe('ISO 8601.'),
  sha256: z.string().describe('Of the certificate, as openssl prints it.'),
};
const certificateSchema = (): z.ZodType<MadeCertificate> => z.object(MADE);

const verdictSchema = (): z.ZodType<AuditVerdict> =>
  z.object({
    files: z.number(),
    lines: z.number().describe('Sound ones, up to the problem where there is one.'),
    firstSeq: z.number().nullable(),
    lastSeq: z.number().nullable(),
    lastHash: z.string().nullable(),
    tornBytes: z.number().describe('Behind the last line, and of no whole one.'),
    problem: z
      .object({
        kind: z.enum(['bad-line', 'missing-file', 'missing-head', 'head-mismatch', 'truncated']),
        file: z.string().nullable(),
        line: z.number().nullable(),
        reason: z.string(),
      })
      .nullable()
      .describe('null: the chain is whole.'),
  });
const auditSchema = () =>
  z.union([
    auditLineSchema,
    z.object({ file: z.string(), problem: z.string() }).describe('A line that is not of the log.'),
    verdictSchema().describe('With --verify: the one document.'),
  ]);

const treesSchema = () => z.array(contentTreeStatusSchema);
const appsSchema = () => z.array(appInstanceStatusSchema);

const trees: Output = { schema: treesSchema };
const apps: Output = { schema: appsSchema };
const operation: Output = { schema: () => operationResultSchema, progress: () => operationProgressSchema };
const certificate: Output = { schema: certificateSchema };
const output: Output = { schema: () => outputLineSchema, isLines: true };

/** What every command prints with `--json`. */
export const OUTPUTS: OutputTable = {
  version: 1,
  outputs: {
    browse: { schema: browseSchema },
    resolve: { schema: resolvedSchema },
    download: {
      schema: () => z.union([downloadedSchema(), pulledSchema()]),
      progress: progressLineSchema,
    },
    doctor: { schema: diagnosisSchema },
    status: { schema: agentStatusSchema },
    health: { schema: healthSchema },
    watch: { schema: eventSchema, isLines: true },
    logs: { schema: () => logLineSchema, isLines: true },
    pause: trees,
    resume: trees,
    cancel: trees,
    retry: trees,
    'deploy list': { schema: () => z.array(deploymentViewSchema) },
    'deploy load': operation,
    'deploy pull': operation,
    'deploy start': operation,
    'deploy stop': operation,
    'deploy restart': operation,
    'deploy rollback': operation,
    'deploy prune': operation,
    'deploy delete': operation,
    'deploy logs': output,
    'deploy history': { schema: () => z.array(historyEntrySchema) },
    'deploy inspect': {
      schema: () => z.looseObject({}).describe('The container, as its engine tells of it.'),
    },
    'app list': apps,
    'app restart': apps,
    'app purge': apps,
    'app logs': output,
    audit: { schema: auditSchema, isLines: true },
    'cert authority': { schema: () => z.object({ ...MADE, revocations: z.string() }) },
    'cert server': certificate,
    'cert client': {
      schema: () =>
        z.object({
          ...MADE,
          pkcs12: z
            .object({ file: z.string(), password: z.string() })
            .optional()
            .describe('With --pkcs12: both in one file for browsers, and the password that opens it.'),
        }),
    },
    'cert revoke': {
      schema: () =>
        z.object({
          file: z.string(),
          revoked: z.array(z.string()).describe('Serials that stand in it anew.'),
          count: z.number().describe('Of all serials that stand in it.'),
        }),
    },
  },
};
