// SPDX-License-Identifier: Apache-2.0
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import type { Polled } from '@local-datastore/shared/page/live/use-polled';
import { countText } from '@local-datastore/shared/text/quantities';
import { useState } from 'preact/hooks';
import type { AgentStatus } from '../api/answers.ts';
import { pathOf } from '../api/client.ts';
import type { PageContext } from '../context.ts';
import { LogDialog } from '../logs/log-dialog.tsx';
import { ActionDialog } from '../ui/action-dialog.tsx';
import { Refused } from '../ui/refused.tsx';
import { AppCard, nameOf } from './app-card.tsx';

type Open = { readonly dialog: 'log' | 'purge'; readonly app: AppInstanceStatus };

/** The apps of the configuration: how each is, and what can be done. */
export function AppsView({
  context,
  status: { value, failure, refresh },
}: {
  context: PageContext;
  status: Polled<AgentStatus | undefined>;
}) {
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  if (value === undefined)
    return failure === undefined ? null : <Refused what="the apps" failure={failure} />;
  const { apps, contentTrees } = value;
  if (apps === null) {
    return (
      <div class="notice notice-info">
        <p>
          This agent launches no apps: it is started with <code>--apps</code> where it is to.
        </p>
      </div>
    );
  }
  return (
    <section aria-labelledby="apps-title">
      <div class="toolbar">
        <h2 id="apps-title">Apps</h2>
        <p class="count">{countText(apps.length, 'app')}</p>
      </div>
      {apps.length === 0 && <p class="nothing">The configuration has no apps.</p>}
      <div class="things">
        {apps.map((app) => (
          <AppCard
            key={app.AppID}
            app={app}
            tree={contentTrees.find(({ ContentID }) => ContentID === app.ContentID)}
            client={context.client}
            onChanged={refresh}
            onLog={() => setOpen({ dialog: 'log', app })}
            onPurge={() => setOpen({ dialog: 'purge', app })}
          />
        ))}
      </div>
      {open?.dialog === 'log' && (
        <LogDialog
          client={context.client}
          title={`Log of ${nameOf(open.app)}`}
          path={`${pathOf('/v1/apps', open.app.AppID)}/logs`}
          onClose={close}
        />
      )}
      {open?.dialog === 'purge' && (
        <ActionDialog
          title="Purge this app?"
          verb="Purge"
          done={`${nameOf(open.app)} is made anew`}
          act={() => context.client.act(`${pathOf('/v1/apps', open.app.AppID)}/purge`)}
          onDone={refresh}
          onClose={close}
        >
          <p>
            <bdi class="path">{nameOf(open.app)}</bdi> is made anew from its image: what it wrote into its
            container or onto its disk is lost.
          </p>
        </ActionDialog>
      )}
    </section>
  );
}
