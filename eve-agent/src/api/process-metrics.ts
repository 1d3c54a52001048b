// SPDX-License-Identifier: Apache-2.0
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import type { Family } from './metric-family.ts';

/** Of the processes without rights that the service has. */
export function processFamilies(processes: readonly ProcessStatus[]): Family[] {
  const samples = (of: (status: ProcessStatus) => number) =>
    processes.map((status) => ({ labels: { process: status.name }, value: of(status) }));
  return [
    {
      name: 'eve_agent_process_up',
      type: 'gauge',
      help: '1 while the process without rights runs, and has not failed again and again.',
      samples: samples(({ state }) => (state === 'running' ? 1 : 0)),
    },
    {
      name: 'eve_agent_process_restarts_total',
      type: 'counter',
      help: 'How often the process ended and was started again.',
      samples: samples(({ restarts }) => restarts),
    },
    {
      name: 'eve_agent_process_layers_missing',
      type: 'gauge',
      help: 'Layers around the process that this host does not give.',
      samples: samples(({ missing }) => missing.length),
    },
    {
      name: 'eve_agent_process_dropped_datagrams_total',
      type: 'counter',
      help: 'Datagrams that its sockets did not take: kept out by their filters, or come faster than it reads.',
      samples: processes.flatMap(({ name, droppedDatagrams: value }) =>
        value === undefined ? [] : [{ labels: { process: name }, value }],
      ),
    },
  ];
}

const MICROSECONDS_PER_SECOND = 1e6;

/** Of the service's own process, under the names that all clients of Prometheus use. */
export function ownProcessFamilies(): Family[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'Total user and system CPU time spent in seconds.',
      samples: [{ value: (user + system) / MICROSECONDS_PER_SECOND }],
    },
    {
      name: 'process_start_time_seconds',
      type: 'gauge',
      help: 'Start time of the process since unix epoch in seconds.',
      samples: [{ value: Date.now() / 1000 - process.uptime() }],
    },
    {
      name: 'process_resident_memory_bytes',
      type: 'gauge',
      help: 'Resident memory size in bytes.',
      samples: [{ value: process.memoryUsage.rss() }],
    },
  ];
}
