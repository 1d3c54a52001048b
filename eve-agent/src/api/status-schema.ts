// SPDX-License-Identifier: Apache-2.0
import { appInstanceStatusSchema } from '@local-datastore/shared/eve/app-instance-status';
import { contentTreeStatusSchema } from '@local-datastore/shared/eve/content-tree-status';
import * as z from 'zod';

const problemSchema = () => z.object({ path: z.string(), message: z.string() });

/** What the service runs with. */
export const configurationStatusSchema = () =>
  z.looseObject({
    source: z.string().nullable().describe('A file, a folder, or `api`; null: of an earlier run, or none.'),
    state: z
      .enum(['none', 'applied', 'partial', 'refused'])
      .describe('`partial`, `refused`: of what was offered last; what was before stays in force.'),
    appliedAt: z.string().nullable().describe('RFC 3339; null: never.'),
    refusedAt: z.string().nullable().optional(),
    problems: z.array(problemSchema()).describe('Of what is refused.'),
    unusable: z
      .array(problemSchema())
      .optional()
      .describe('Of content trees in force that cannot be used; each has a status that says so.'),
    warnings: z.array(z.string()).default([]),
    datastores: z.number().optional(),
    contentTrees: z.number().optional(),
  });

/** The clock and its time servers. */
export const timeStatusSchema = () =>
  z.looseObject({
    state: z.string(),
    watchedSince: z.string().nullable().describe('Since when the clock may not be set; null: it is kept.'),
    refusal: z.string().nullable().describe('Why a correction was refused, as a word.'),
    offsetMs: z.number().nullable().describe('The time of the servers minus that of this host.'),
    errorMs: z.number().nullable(),
    stratum: z.number().nullable(),
    server: z.string().nullable().describe('The one that is followed.'),
    lastStep: z.looseObject({ at: z.string(), byMs: z.number() }).nullable(),
    servers: z.array(
      z.looseObject({
        name: z.string(),
        address: z.string().nullable(),
        role: z.string(),
        trouble: z.string().nullable(),
        stratum: z.number().nullable(),
        isReached: z.boolean().describe('One of the last eight questions was answered.'),
        offsetMs: z.number().nullable(),
      }),
    ),
  });

/** What `/v1/status` answers. What agents of other versions leave out has a default, what they add is kept. */
export const agentStatusSchema = () =>
  z.looseObject({
    version: z.string().optional(),
    configuration: configurationStatusSchema(),
    contentTrees: z.array(contentTreeStatusSchema),
    apps: z.array(appInstanceStatusSchema).nullable().default(null).describe('null: none are launched.'),
    networkInstances: z.array(z.looseObject({})).optional().describe('EVE’s own, where it runs.'),
    audit: z
      .looseObject({ seq: z.number(), hash: z.string() })
      .nullable()
      .optional()
      .describe('How far the audit log is on the disk; null: none is kept.'),
    dhcp: z
      .array(
        z.looseObject({
          interface: z.string(),
          address: z.string().nullable(),
          server: z.string().nullable(),
          reason: z.string().nullable(),
        }),
      )
      .default([])
      .describe('Interfaces that get their addresses by DHCP.'),
    ntp: timeStatusSchema().nullable().default(null).describe('null: no time server is asked.'),
    separation: z
      .looseObject({
        state: z.enum(['on', 'starting', 'off']),
        reason: z.string().nullable().describe('Why it is off, as a clause.'),
      })
      .nullable()
      .default(null)
      .describe(
        'Whether a process without rights speaks to the network; null: the agent, an older one, does not tell.',
      ),
    processes: z
      .array(
        z.looseObject({
          name: z.string(),
          state: z.enum(['running', 'starting', 'failing']),
          pid: z.number().nullable(),
          restarts: z.number(),
          layers: z.array(z.string()).describe('What the kernel says is in force now.'),
          missing: z.array(z.object({ layer: z.string(), reason: z.string() })),
          droppedDatagrams: z.number().default(0),
        }),
      )
      .default([])
      .describe('Those without rights.'),
  });
