// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Age } from '@local-datastore/shared/page/ui/card.tsx';
import type { HistoryEntry } from '../api/answers.ts';
import { type Client, pathOf } from '../api/client.ts';
import { Badge } from '../ui/badge.tsx';
import { PolledDialog } from '../ui/polled-dialog.tsx';

function Entry({ entry }: { entry: HistoryEntry }) {
  return (
    <li class="history-entry">
      <div class="thing-head">
        <p>
          <strong>{entry.operation}</strong> by <bdi class="path">{shownName(entry.by)}</bdi>
        </p>
        <Badge mood={entry.outcome === 'done' ? 'good' : 'bad'}>{entry.outcome}</Badge>
      </div>
      <p class="second">
        <Age at={entry.time} />, {(entry.durationMs / 1000).toFixed(1)} s
        {entry.generation !== null && `, version ${entry.generation}`}
        {entry.gapMs !== null && `, nobody answered for ${entry.gapMs} ms`}
      </p>
      {entry.why !== null && (
        <p class="failure">
          {shownName(entry.why)}
          {entry.code !== null && ` (${entry.code})`}
        </p>
      )}
    </li>
  );
}

/** What was done to a deployment, the newest first. */
export function HistoryDialog({
  client,
  name,
  onClose,
}: {
  client: Client;
  name: string;
  onClose: () => void;
}) {
  return (
    <PolledDialog<readonly HistoryEntry[]>
      client={client}
      title={`History of ${shownName(name)}`}
      what="the history"
      path={`${pathOf('/v1/deployments', name)}/history`}
      onClose={onClose}
    >
      {(entries) =>
        entries.length === 0 ? (
          <p class="second">Nothing was done yet.</p>
        ) : (
          <ol class="history">
            {entries.map((entry) => (
              <Entry key={`${entry.time} ${entry.operation}`} entry={entry} />
            ))}
          </ol>
        )
      }
    </PolledDialog>
  );
}
