import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { Tally } from '../reconcile/tally.ts';
import { CONTENT_STATES } from '../reconcile/transitions.ts';

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly { readonly labels?: string; readonly value: number }[];
}

function familyText({ name, type, help, samples }: Family): string {
  const lines = samples.map(
    ({ labels, value }) => `${name}${labels === undefined ? '' : `{${labels}}`} ${value}`,
  );
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

/** Prometheus's text format 0.0.4. Labels are codes and states of the program's own: nothing to escape. */
export function metricsText(
  statuses: readonly ContentTreeStatus[],
  tally: Tally,
  configurationRefused: boolean,
): string {
  const count = (fits: (status: ContentTreeStatus) => boolean) => statuses.filter(fits).length;
  const sum = (of: (status: ContentTreeStatus) => number) =>
    statuses.reduce((total, each) => total + of(each), 0);
  const families: Family[] = [
    {
      name: 'eve_agent_content_trees',
      type: 'gauge',
      help: 'Content trees of the configuration by state.',
      samples: CONTENT_STATES.map((state) => ({
        labels: `state="${state}"`,
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
      samples: [{ value: configurationRefused ? 1 : 0 }],
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
      name: 'eve_agent_failures_total',
      type: 'counter',
      help: 'Failures by code.',
      samples: [...tally.failures()].map(([code, value]) => ({ labels: `code="${code}"`, value })),
    },
    {
      name: 'process_resident_memory_bytes',
      type: 'gauge',
      help: 'Resident memory size in bytes.',
      samples: [{ value: process.memoryUsage.rss() }],
    },
  ];
  return families.map(familyText).join('');
}
