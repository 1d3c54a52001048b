// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import * as z from 'zod';
import type { Places } from '../../access/places.ts';
import type { DownloadLog } from '../../activity/downloads.ts';
import type { QueryLog } from '../../activity/queries.ts';
import type { AdvertiserStatus } from '../../advertise/advertiser.ts';
import type { RegistryState } from '../../blobs/registry-state.ts';
import type { DiskSpace } from '../../images/storage.ts';
import type { ParsingStatus } from '../../sandbox/monitor/open-parser.ts';
import type { TlsStatus } from '../../tls/certificate-source.ts';
import { read } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';

export const statusSchema = () =>
  z.object({
    version: z.string(),
    startedAt: time,
    hostName: z.string().nullable().describe('With .local; null: nothing is advertised.'),
    publicUrl: z
      .string()
      .nullable()
      .describe('By what whoever asks is to be told to reach it; null: by the name that was asked.'),
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
      .array(
        z.object({
          firstAt: time,
          at: time.describe('When it was asked last.'),
          count: z.number().int().describe('How often it was asked.'),
          source: z.string(),
          interface: z.string(),
          question: z.string(),
        }),
      )
      .describe('Who asked what by multicast DNS; who asked last comes first.'),
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
    registry: z
      .object({
        repositories: z.number().int(),
        blobs: z.number().int(),
        blobBytes: bytes,
        trashBytes: bytes,
        uploads: z.number().int(),
        collectedBytes: bytes.describe('Moved to the trash since the start.'),
        damaged: z.number().int().describe('Blobs that images need, damaged or missing.'),
        unreadable: z
          .number()
          .int()
          .describe('Repositories whose records cannot be read; the log names them.'),
      })
      .nullable()
      .describe('null: it is off.'),
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
    parsing: z
      .object({
        place: z
          .enum(['confined process', 'own process', 'starting'])
          .describe('starting: it is not known yet whether this host lets a process be confined.'),
        reason: z.string().nullable().describe('Why it is the process of the datastore; null: it is not.'),
        process: z
          .object({
            name: z.string(),
            state: z.enum(['running', 'starting', 'failing']),
            pid: z.number().int().nullable(),
            user: z.number().int().nullable(),
            restarts: z.number().int().describe('How often it ended and was started again.'),
            layers: z.array(z.string()).describe('What the kernel says is in force.'),
            missing: z
              .array(z.object({ layer: z.string(), reason: z.string() }))
              .describe('What this host does not give.'),
          })
          .nullable()
          .describe('null: there is none, also while there is nothing to parse.'),
      })
      .describe('Where images are parsed, which others made.'),
    access: z.object({ isReadOpen: z.boolean() }),
  });

/** What is shown of the registry: to all who may read, and so without names of repositories. */
function registryStatus(state: RegistryState | undefined) {
  if (state === undefined) return null;
  const { troubles: _troubles, trashed: _trashed, unreadable, ...shown } = state;
  return { ...shown, unreadable: unreadable.length };
}

export interface StatusDeps {
  /** undefined: advertising is turned off. */
  advertiserStatus(): AdvertiserStatus | undefined;
  reasonsNotReady(): readonly string[];
  /** What a person should know though devices are served. */
  warnings(): readonly string[];
  /** The ports that are listened on. */
  ports(): { readonly http: number | null; readonly https: number | null };
  imageBytes(): number;
  /** undefined: the registry is off. */
  registryState(): RegistryState | undefined;
  disk(): Promise<DiskSpace>;
  parsing(): ParsingStatus;
  readonly places: Pick<Places, 'publicFor'>;
  readonly downloads: DownloadLog;
  readonly queries: QueryLog;
  /** undefined: TLS is off. */
  tlsStatus(): TlsStatus | undefined;
}

export interface StatusOptions {
  readonly version: string;
  readonly startedAt: Date;
  readonly quotaBytes: number | undefined;
  readonly reserveBytes: number;
  readonly isReadOpen: boolean;
}

/** `/-/api/v1/status`: what the datastore is doing, for people and for the page. */
export function createStatusRoutes(deps: StatusDeps, options: StatusOptions): Resource {
  const { version, startedAt, quotaBytes, reserveBytes, isReadOpen } = options;
  return createResource([
    read({
      method: 'GET',
      path: '/-/api/v1/status',
      summary: 'What the datastore is doing',
      responses: { 200: jsonResponse('The state.', { name: 'Status', zod: statusSchema }) },
      async handle(request, response) {
        const advertising = deps.advertiserStatus();
        const reasons = deps.reasonsNotReady();
        response.json({
          version,
          startedAt: startedAt.toISOString(),
          hostName: advertising?.hostName ?? null,
          publicUrl: deps.places.publicFor(request)?.origin ?? null,
          isReady: reasons.length === 0,
          reasons,
          warnings: deps.warnings(),
          listeners: deps.ports(),
          advertising: advertising ?? null,
          queries: deps.queries.list(),
          downloads: deps.downloads.list(),
          disk: {
            ...(await deps.disk()),
            imageBytes: deps.imageBytes(),
            quotaBytes: quotaBytes ?? null,
            reserveBytes,
          },
          registry: registryStatus(deps.registryState()),
          tls: deps.tlsStatus() ?? null,
          parsing: deps.parsing(),
          access: { isReadOpen },
        });
      },
    }),
  ]);
}
