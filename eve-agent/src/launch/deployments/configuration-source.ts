// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import { openReloadedFiles } from '@local-datastore/shared/files/reloaded-files';
import type { Log } from '@local-datastore/shared/log';
import { type DeploymentsConfig, readDeploymentsConfig } from './config-file.ts';
import type { ConfigurationView } from './deployment-view.ts';

/** The configuration in force, and what its file says now. */
export interface ConfigurationSource {
  current(): DeploymentsConfig;
  view(): ConfigurationView;
  /** Looks for changes until the signal is aborted. */
  follow(signal: AbortSignal): Promise<void>;
}

const POLL_INTERVAL_MS = 1000;

/** What the service was built with: another value is in force from its next start on. */
const fixedOf = ({ engine, prefix, tls }: DeploymentsConfig) => ({
  docker_socket: JSON.stringify(engine),
  container_prefix: prefix,
  tls_certs: tls.certificate,
  tls_key: tls.key,
  mutual_tls_ca_certs: tls.clientCa,
  clientCrl: tls.clientCrl,
});

/** @returns the keys whose change needs a restart of the service */
export function findFixedChanges(first: DeploymentsConfig, next: DeploymentsConfig): string[] {
  const [before, after] = [fixedOf(first), fixedOf(next)];
  return (Object.keys(before) as (keyof typeof before)[]).filter((key) => before[key] !== after[key]);
}

/**
 * Opens the file, and reads it again when it changes: what can be used is in force at once, as a whole; what cannot
 * changes nothing.
 *
 * @throws ConfigurationError when it cannot be used the first time
 */
export async function openConfigurationSource(
  file: string,
  deps: { readonly clock: Clock; wallMs(): number; readonly log: Log },
): Promise<ConfigurationSource> {
  const { clock, wallMs, log } = deps;
  const now = () => new Date(wallMs()).toISOString();
  let problem: string | null = null;
  const reloaded = await openReloadedFiles([file], {
    read: () => readDeploymentsConfig(file),
    onUnusable(error) {
      problem = errorMessage(error);
      log.error({ reason: problem }, 'new deployments cannot be used: the old ones stay');
    },
  });
  const { first } = reloaded;
  let current = first;
  let readAt = now();
  let fixed: string[] = [];

  function tell(config: DeploymentsConfig): void {
    for (const warning of config.warnings) log.warn({ file, warning }, 'the deployments have a flaw');
    for (const entry of config.deployments.values()) {
      if (entry.kind === 'unusable') {
        const { name, problem: reason } = entry;
        log.error({ file, deployment: name, reason }, 'a deployment cannot be used');
      }
    }
    if (config.clients === null) {
      const message = 'any certificate of the authority may do everything: "clients" names who may do what';
      log.warn({ file }, message);
    }
  }
  tell(first);

  return {
    current: () => current,
    view() {
      const restart =
        fixed.length === 0 ? [] : [`what ${fixed.join(', ')} says now is in force from the next start on`];
      return { file, readAt, problem, warnings: [...current.warnings, ...restart] };
    },
    async follow(signal) {
      while (!signal.aborted) {
        const isTaken = await reloaded.look((next) => {
          fixed = findFixedChanges(first, next);
          const { engine, prefix, tls } = first;
          current = { ...next, engine, prefix, tls };
        });
        if (isTaken) {
          problem = null;
          readAt = now();
          log.info({ file, deployments: current.deployments.size }, 'deployments were read again');
          tell(current);
        }
        await waitUnlessAborted(clock, POLL_INTERVAL_MS, signal);
      }
    },
  };
}
