// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { type Polled, usePolled } from '@local-datastore/shared/page/live/use-polled';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { countText } from '@local-datastore/shared/text/quantities';
import { useState } from 'preact/hooks';
import type { AgentStatus, DeviceConfiguration } from '../api/answers.ts';
import { pathOf } from '../api/client.ts';
import type { PageContext } from '../context.ts';
import { ActionDialog } from '../ui/action-dialog.tsx';
import { Refused } from '../ui/refused.tsx';
import { TreeCard, treeName } from './tree-card.tsx';

/** Content trees: what is downloaded, how far it is, and what is in the way. */
export function TreesView({
  context: { client },
  status: { value, failure, refresh },
}: {
  context: PageContext;
  status: Polled<AgentStatus | undefined>;
}) {
  const [load] = useState(() => () => client.read<DeviceConfiguration>('/v1/configuration'));
  const configuration = usePolled(load);
  const [cancelled, setCancelled] = useState<ContentTreeStatus>();
  if (value === undefined) {
    return failure === undefined ? null : <Refused what="the content trees" failure={failure} />;
  }
  const { contentTrees } = value;
  const datastores = new Map(
    configuration.value?.datastores.map(({ id, fqdn }) => [id.toLowerCase(), fqdn] as const),
  );
  return (
    <section aria-labelledby="trees-title">
      <div class="toolbar">
        <h2 id="trees-title">Content trees</h2>
        <p class="count">{countText(contentTrees.length, 'content tree')}</p>
      </div>
      {contentTrees.length === 0 && <p class="nothing">The configuration has no content trees.</p>}
      <div class="things">
        {contentTrees.map((tree) => (
          <TreeCard
            key={tree.ContentID}
            tree={tree}
            datastore={datastores.get(tree.DatastoreID.toLowerCase())}
            client={client}
            onChanged={refresh}
            onCancel={() => setCancelled(tree)}
          />
        ))}
      </div>
      {cancelled !== undefined && (
        <ActionDialog
          title="Cancel this download?"
          verb="Cancel it"
          done={`The download of ${treeName(cancelled)} is cancelled`}
          act={() => client.act(`${pathOf('/v1/content-trees', cancelled.ContentID)}/cancel`)}
          onDone={refresh}
          onClose={() => setCancelled(undefined)}
        >
          <p>
            What has come of <bdi class="path">{shownName(treeName(cancelled))}</bdi> is removed; it is not
            tried again until somebody resumes it.
          </p>
        </ActionDialog>
      )}
    </section>
  );
}
