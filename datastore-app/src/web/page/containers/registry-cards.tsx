// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { percentOf, shortDigest } from '@local-datastore/shared/page/text/quantities';
import { Age, Card, PlainTable } from '@local-datastore/shared/page/ui/card.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useCallback } from 'preact/hooks';
import type { Import, ImportJob, Upstream } from '../api/registry-answers.ts';
import { readUpstreams } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { CollectionCard } from './collection-card.tsx';
import { ImportsCard } from './imports-card.tsx';

const STATES = {
  unasked: { word: 'not asked yet', kind: 'off' },
  reachable: { word: 'reachable', kind: 'good' },
  failing: { word: 'failing', kind: 'bad' },
} as const;

function UpstreamsCard({ upstreams }: { upstreams: readonly Upstream[] }) {
  return (
    <Card title="Upstreams" isWide>
      <PlainTable
        label="State of the upstreams"
        caption="Registries from which images are imported when they are asked for"
        columns={['Below', 'State', 'Since', 'Registry']}
      >
        {upstreams.map(({ prefix, url, state, reason, since }) => (
          <tr key={prefix}>
            <th scope="row" class="path">
              {prefix}/
            </th>
            <td>
              <span class={`badge badge-${STATES[state].kind}`}>{STATES[state].word}</span>
              {reason !== null && <p class="second reason">{reason}</p>}
            </td>
            <td>{since !== null && <Age at={since} />}</td>
            <td class="path">{url}</td>
          </tr>
        ))}
      </PlainTable>
    </Card>
  );
}

function ComingCard({ imports }: { imports: readonly Import[] }) {
  return (
    <Card title="Coming from upstreams" isWide>
      <PlainTable
        label="Blobs on their way"
        caption="What comes from upstreams now, since somebody asks for it"
        columns={['Repository', 'Blob', 'Progress']}
      >
        {imports.map(({ digest, repository, receivedBytes, sizeBytes }) => (
          <tr key={digest}>
            <th scope="row" class="path">
              {repository}
            </th>
            <td>
              <code title={digest}>{shortDigest(digest)}</code>
            </td>
            <td>
              <span class="hashing">
                <progress
                  value={percentOf(receivedBytes, sizeBytes)}
                  max={100}
                  aria-label={`Import of a blob of ${repository}`}
                />
                <span>
                  {sizeText(receivedBytes)} of {sizeText(sizeBytes)}
                </span>
              </span>
            </td>
          </tr>
        ))}
      </PlainTable>
    </Card>
  );
}

export interface RegistryCardsProps {
  readonly jobs: readonly ImportJob[];
  readonly context: PageContext;
  readonly onImportChange: () => void;
  readonly onChange: () => void;
}

/** What goes on in the registry. */
export function RegistryCards({ jobs, context, onImportChange, onChange }: RegistryCardsProps) {
  const { client } = context;
  const { value } = usePolled(useCallback(() => readUpstreams(client), [client]));
  const { upstreams = [], imports = [] } = value ?? {};
  // What a job has come is told there.
  const ofJobs = new Set(jobs.flatMap(({ blobs }) => blobs.map(({ digest }) => digest)));
  const coming = imports.filter(({ digest }) => !ofJobs.has(digest));
  return (
    <div class="cards">
      {jobs.length > 0 && <ImportsCard imports={jobs} context={context} onChange={onImportChange} />}
      {upstreams.length > 0 && <UpstreamsCard upstreams={upstreams} />}
      {coming.length > 0 && <ComingCard imports={coming} />}
      <CollectionCard context={context} onCollected={onChange} />
    </div>
  );
}
