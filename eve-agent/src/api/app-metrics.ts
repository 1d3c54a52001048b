// SPDX-License-Identifier: Apache-2.0
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import { APP_STATES } from '@local-datastore/shared/eve/sw-state';
import type { Family } from './metric-family.ts';

/** More apps than this have no samples of their own: each is a series of whoever asks. */
const MAX_APPS = 200;

const secondsOf = (time: string) => Date.parse(time) / 1000;

/** Of apps; their names come from the configuration. */
export function appFamilies(statuses: readonly AppInstanceStatus[]): Family[] {
  const shown = statuses.slice(0, MAX_APPS);
  const each = (measure: (status: AppInstanceStatus) => number | null) =>
    shown.flatMap((status) => {
      const value = measure(status);
      return value === null || Number.isNaN(value) ? [] : [{ labels: { app: status.AppID }, value }];
    });
  return [
    {
      name: 'eve_agent_apps',
      type: 'gauge',
      help: 'Apps of the configuration by state.',
      samples: APP_STATES.map((state) => ({
        labels: { state },
        value: statuses.filter(({ State }) => State === state).length,
      })),
    },
    {
      name: 'eve_agent_apps_failing',
      type: 'gauge',
      help: 'Apps that are not as the configuration wants them.',
      samples: [{ value: statuses.filter(({ Error: error }) => error !== '').length }],
    },
    {
      name: 'eve_agent_app_state',
      type: 'gauge',
      help: `1 with the state that an app is in, of the first ${MAX_APPS} apps.`,
      samples: shown.map(({ AppID, DisplayName, State }) => ({
        labels: { app: AppID, name: DisplayName, state: State },
        value: 1,
      })),
    },
    {
      name: 'eve_agent_app_state_timestamp_seconds',
      type: 'gauge',
      help: 'When an app came to its state.',
      samples: each(({ StateTime }) => secondsOf(StateTime)),
    },
    {
      name: 'eve_agent_app_failing',
      type: 'gauge',
      help: '1 with the code of what is wrong with an app.',
      samples: shown
        .filter(({ Error: error }) => error !== '')
        .map(({ AppID, ErrorCode }) => ({ labels: { app: AppID, code: ErrorCode }, value: 1 })),
    },
    {
      name: 'eve_agent_app_generation',
      type: 'gauge',
      help: 'Versions of an app that were put in place; 0: none.',
      samples: each(({ Generation }) => Generation),
    },
    {
      name: 'eve_agent_app_restarts_total',
      type: 'counter',
      help: 'How often the version of an app that runs ended by itself and was started again.',
      samples: each(({ RestartCount }) => RestartCount),
    },
    {
      name: 'eve_agent_app_last_switch_timestamp_seconds',
      type: 'gauge',
      help: 'When the last switch of an app to another version ended.',
      samples: each(({ LastSwitch }) => (LastSwitch === null ? null : secondsOf(LastSwitch.Time))),
    },
    {
      name: 'eve_agent_app_last_switch_kept',
      type: 'gauge',
      help: '1 where the last switch of an app was taken back, and the version before serves.',
      samples: each(({ LastSwitch }) => (LastSwitch === null ? null : Number(LastSwitch.Outcome === 'kept'))),
    },
    {
      name: 'eve_agent_app_last_switch_gap_seconds',
      type: 'gauge',
      help: 'How long nobody answered in the last switch of an app, by requests of the agent, where it could make some.',
      samples: each(({ LastSwitch }) =>
        typeof LastSwitch?.GapMs === 'number' ? LastSwitch.GapMs / 1000 : null,
      ),
    },
  ];
}

/** Of deployments. @param serving by name; null: the container engine does not answer */
export function deploymentFamilies(serving: ReadonlyMap<string, boolean> | null): Family[] {
  return [
    {
      name: 'eve_agent_deployments_engine_up',
      type: 'gauge',
      help: '1 where the container engine of the deployments answers.',
      samples: [{ value: serving === null ? 0 : 1 }],
    },
    {
      name: 'eve_agent_deployment_serving',
      type: 'gauge',
      help: '1 where a version of a deployment runs.',
      samples: [...(serving ?? [])].map(([deployment, isServing]) => ({
        labels: { deployment },
        value: Number(isServing),
      })),
    },
  ];
}
