// SPDX-License-Identifier: Apache-2.0
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { Tally } from '../reconcile/tally.ts';
import { CONTENT_STATES } from '../reconcile/transitions.ts';
import type { NtpStatus } from '../sandbox/handlers/ntp-status.ts';
import { appFamilies, deploymentFamilies } from './app-metrics.ts';
import { type Family, familiesText } from './metric-family.ts';
import { ntpFamilies } from './ntp-metrics.ts';
import { ownProcessFamilies, processFamilies } from './process-metrics.ts';

/** What the metrics are made of. */
export interface Measured {
  /** Of the program. */
  readonly version: string;
  readonly processes: readonly ProcessStatus[];
  /** Whether a process without rights speaks to the network. */
  readonly isSeparated: boolean;
  /** null: no time server is asked. */
  readonly ntp: NtpStatus | null;
  readonly contentTrees: readonly ContentTreeStatus[];
  readonly tally: Tally;
  readonly isConfigurationRefused: boolean;
  /** null: none are launched. */
  readonly apps: readonly AppInstanceStatus[] | null;
  /** Whether each serves; `engine-away`: nobody can say; null: none are offered. */
  readonly deployments: ReadonlyMap<string, boolean> | 'engine-away' | null;
}

/** Prometheus's text format 0.0.4. */
export function metricsText(measured: Measured): string {
  const { contentTrees: statuses, tally, apps, deployments, processes, ntp } = measured;
  const count = (fits: (status: ContentTreeStatus) => boolean) => statuses.filter(fits).length;
  const sum = (of: (status: ContentTreeStatus) => number) =>
    statuses.reduce((total, each) => total + of(each), 0);
  const families: Family[] = [
    {
      name: 'eve_agent_build_info',
      type: 'gauge',
      help: 'Always 1; labels tell what runs.',
      samples: [{ labels: { version: measured.version }, value: 1 }],
    },
    {
      name: 'eve_agent_content_trees',
      type: 'gauge',
      help: 'Content trees of the configuration by state.',
      samples: CONTENT_STATES.map((state) => ({
        labels: { state },
        value: count(({ State }) => State === state),
      })),
    },
    {
      name: 'eve_agent_content_trees_failing',
      type: 'gauge',
      help: 'Content trees whose last try failed.',
      samples: [{ value: count(({ Error: error }) => error !== '') }],
    },
    {
      name: 'eve_agent_content_bytes',
      type: 'gauge',
      help: 'Bytes of the wanted content that are here; content of several trees counts for each.',
      samples: [{ value: sum(({ CurrentSize }) => CurrentSize) }],
    },
    {
      name: 'eve_agent_wanted_bytes',
      type: 'gauge',
      help: 'Bytes of the wanted content.',
      samples: [{ value: sum(({ TotalSize }) => TotalSize) }],
    },
    {
      name: 'eve_agent_configuration_refused',
      type: 'gauge',
      help: '1 while the newest configuration is refused and an older one is in force.',
      samples: [{ value: measured.isConfigurationRefused ? 1 : 0 }],
    },
    {
      name: 'eve_agent_downloads_verified_total',
      type: 'counter',
      help: 'Downloads that ended with a verified file.',
      samples: [{ value: tally.downloadsVerified() }],
    },
    {
      name: 'eve_agent_received_bytes_total',
      type: 'counter',
      help: 'Bytes received by downloads that ended with a verified file.',
      samples: [{ value: tally.receivedBytes() }],
    },
    {
      name: 'eve_agent_network_separated',
      type: 'gauge',
      help: '1 while a process without rights speaks to datastores and registries; status tells why not.',
      samples: [{ value: measured.isSeparated ? 1 : 0 }],
    },
    {
      name: 'eve_agent_failures_total',
      type: 'counter',
      help: 'Failures by code.',
      samples: [...tally.failures()].map(([code, value]) => ({ labels: { code }, value })),
    },
  ];
  return familiesText([
    ...families,
    ...ownProcessFamilies(),
    ...(processes.length === 0 ? [] : processFamilies(processes)),
    ...(ntp === null ? [] : ntpFamilies(ntp)),
    ...(apps === null ? [] : appFamilies(apps)),
    ...(deployments === null ? [] : deploymentFamilies(deployments === 'engine-away' ? null : deployments)),
  ]);
}
