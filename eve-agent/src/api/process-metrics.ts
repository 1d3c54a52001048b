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
