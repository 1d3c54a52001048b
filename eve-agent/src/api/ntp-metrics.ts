// SPDX-License-Identifier: Apache-2.0
import type { NtpStatus } from '../sandbox/handlers/ntp-status.ts';
import type { Family } from './metric-family.ts';

const MS_PER_SECOND = 1000;

/** Of the time servers and the clock. What is not known has no sample. */
export function ntpFamilies({
  state,
  offsetMs,
  errorMs,
  stratum,
  steps,
  lastStep,
  servers,
}: NtpStatus): Family[] {
  const sampleOf = (value: number | null) => (value === null ? [] : [{ value }]);
  const secondsOf = (ms: number | null) => (ms === null ? null : ms / MS_PER_SECOND);
  const perServer = (of: (server: NtpStatus['servers'][number]) => number | null) =>
    servers.flatMap((server) => {
      const value = of(server);
      return value === null ? [] : [{ labels: { server: server.name }, value }];
    });
  return [
    {
      name: 'eve_agent_ntp_synchronized',
      type: 'gauge',
      help: '1 while the clock follows its time servers.',
      samples: [{ value: state === 'synchronized' ? 1 : 0 }],
    },
    {
      name: 'eve_agent_ntp_offset_seconds',
      type: 'gauge',
      help: 'The time of the servers minus that of this host, when it was measured last.',
      samples: sampleOf(secondsOf(offsetMs)),
    },
    {
      name: 'eve_agent_ntp_error_seconds',
      type: 'gauge',
      help: 'How far from the truth that may be.',
      samples: sampleOf(secondsOf(errorMs)),
    },
    {
      name: 'eve_agent_ntp_stratum',
      type: 'gauge',
      help: 'Servers between this host and a clock, with this host; none while no server is followed.',
      samples: sampleOf(stratum),
    },
    {
      name: 'eve_agent_ntp_server_reachable',
      type: 'gauge',
      help: '1 while one of the last eight questions to the time server was answered.',
      samples: perServer(({ isReached }) => (isReached ? 1 : 0)),
    },
    {
      name: 'eve_agent_ntp_server_offset_seconds',
      type: 'gauge',
      help: 'The time of the server minus that of this host.',
      samples: perServer((server) => secondsOf(server.offsetMs)),
    },
    {
      name: 'eve_agent_ntp_steps_total',
      type: 'counter',
      help: 'How often the clock was set, not slewed.',
      samples: [{ value: steps }],
    },
    {
      name: 'eve_agent_ntp_last_step_seconds',
      type: 'gauge',
      help: 'What the clock was set by when it was set last.',
      samples: sampleOf(secondsOf(lastStep?.byMs ?? null)),
    },
    {
      name: 'eve_agent_ntp_last_step_timestamp_seconds',
      type: 'gauge',
      help: 'When that was.',
      samples: sampleOf(lastStep === null ? null : Date.parse(lastStep.at) / MS_PER_SECOND),
    },
  ];
}
