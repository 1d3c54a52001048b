// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { useStore } from '@local-datastore/shared/page/store';
import { countText } from '@local-datastore/shared/text/quantities';
import { useEffect, useState } from 'preact/hooks';
import type { Deployment } from '../api/answers.ts';
import { pathOf } from '../api/client.ts';
import type { PageContext } from '../context.ts';
import { LogDialog } from '../logs/log-dialog.tsx';
import { Refused } from '../ui/refused.tsx';
import { DeploymentCard } from './deployment-card.tsx';
import { DeploymentDialog, type OpenDialog } from './deployment-dialog.tsx';
import { DetailsDialog } from './details-dialog.tsx';
import { HistoryDialog } from './history-dialog.tsx';

const isMoving = (deployments: readonly Deployment[]) =>
  deployments.some(({ operation, state, health }) => {
    return operation !== null || state === 'restarting' || health === 'starting';
  });

/** Deployments: what serves, how it is, and what can be done. */
export function DeploymentsView({ context }: { context: PageContext }) {
  const { client, operations } = context;
  const [load] = useState(() => () => client.read<readonly Deployment[]>('/v1/deployments'));
  const { value, failure, refresh } = usePolled(load, isMoving);
  const runs = useStore(operations.runs);
  // What an operation of this page has changed is seen at once.
  const states = [...runs.values()].map(({ state }) => state).join();
  useEffect(() => {
    if (states !== '') refresh();
  }, [refresh, states]);
  const [open, setOpen] = useState<OpenDialog>();
  const close = () => setOpen(undefined);
  if (value === undefined) {
    return failure === undefined ? null : <Refused what="the deployments" failure={failure} />;
  }
  return (
    <section aria-labelledby="deployments-title">
      <div class="toolbar">
        <h2 id="deployments-title">Deployments</h2>
        <p class="count">{countText(value.length, 'deployment')}</p>
      </div>
      {failure !== undefined && <Refused what="the deployments" failure={failure} />}
      {value.length === 0 && <p class="nothing">The file of the deployments names none that you may see.</p>}
      <div class="things">
        {value.map((deployment) => (
          <DeploymentCard
            key={deployment.name}
            deployment={deployment}
            run={runs.get(deployment.name)}
            operations={operations}
            onOpen={(dialog, file) => setOpen({ dialog, deployment, file })}
          />
        ))}
      </div>
      {open?.dialog === 'logs' && (
        <LogDialog
          client={client}
          title={`Log of ${open.deployment.name}`}
          path={`${pathOf('/v1/deployments', open.deployment.name)}/logs`}
          onClose={close}
        />
      )}
      {open?.dialog === 'history' && (
        <HistoryDialog client={client} name={open.deployment.name} onClose={close} />
      )}
      {open?.dialog === 'details' && (
        <DetailsDialog client={client} name={open.deployment.name} onClose={close} />
      )}
      {open !== undefined && <DeploymentDialog open={open} operations={operations} onClose={close} />}
    </section>
  );
}
