// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { useStore } from '@local-datastore/shared/page/store';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { readImports, readRepositories } from '../api/registry-client.ts';
import { hasOwnAuthority, toldPlace } from '../api/told-place.ts';
import { ArchiveImportPanel } from '../archives/archive-import-panel.tsx';
import type { PageContext } from '../context.ts';
import type { Live } from '../live/poll.ts';
import { DropArea } from '../uploads/drop-area.tsx';
import type { ChosenFile } from '../uploads/upload-plan.ts';
import { searchOfAddress } from './address.ts';
import { ConnectDialog } from './connect-dialog.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { isMoving } from './import-list.ts';
import { NoContainers } from './no-containers.tsx';
import { RegistryCards } from './registry-cards.tsx';
import { firstOf, groupRepositories } from './repository-list.ts';
import { RepositoryPanel } from './repository-panel.tsx';

/** What is drawn at first; thousands would make the page slow. */
const SHOWN_AT_FIRST = 200;

const counted = (count: number) => `${count} ${count === 1 ? 'repository' : 'repositories'}`;

function useSearch() {
  const [search, setSearch] = useState(() => searchOfAddress(location.hash));
  useEffect(() => {
    const follow = () => setSearch(searchOfAddress(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return [search, setSearch] as const;
}

/** The repositories of the registry, and what goes on in it. */
export function ContainersView({ live, context }: { live: Live; context: PageContext }) {
  const { client } = context;
  const [search, setSearch] = useSearch();
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const [isConnecting, setIsConnecting] = useState(false);
  /** What was dropped is to be imported; none: the person says what. */
  const [importing, setImporting] = useState<readonly ChosenFile[]>();
  const { value, failure, refresh } = usePolled(useCallback(() => readRepositories(client), [client]));
  const jobs = usePolled(
    useCallback(() => readImports(client), [client]),
    isMoving,
  );

  const archives = useStore(context.archiveImports.list);
  const imported = archives.filter(({ state }) => state === 'done').length;
  useEffect(() => {
    if (imported > 0) refresh();
  }, [imported]);

  // The page says by itself that the datastore does not answer, or that reading needs a credential.
  const isSaid = failure?.status === 0 || live.connection === 'locked';
  const groups = value && groupRepositories(value, search);
  const found = groups?.reduce((sum, { repositories }) => sum + repositories.length, 0) ?? 0;
  const totalBytes = value?.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0) ?? 0;
  const connect = () => setIsConnecting(true);
  const startImport = () => setImporting([]);
  const place = toldPlace(live.status, location);
  return (
    <DropArea onFiles={setImporting} verb="import">
      <ArchiveImportPanel imports={context.archiveImports} />
      {failure !== undefined && !isSaid && (
        <p class="failure" role="alert">
          The containers cannot be shown: {failure.message}
        </p>
      )}
      {value?.length === 0 && <NoContainers place={place} onConnect={connect} onImport={startImport} />}
      {value !== undefined && groups !== undefined && value.length > 0 && (
        <section aria-labelledby="containers-title">
          <div class="toolbar">
            <h2 id="containers-title">Containers</h2>
            <p class="count">
              {counted(value.length)}
              {totalBytes > 0 && `, ${sizeText(totalBytes)}`}
            </p>
            <input
              type="search"
              class="search"
              placeholder="Search name or origin"
              aria-label="Search repositories"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
            <button type="button" class="button" onClick={startImport}>
              Import images
            </button>
            <button type="button" class="button button-main" onClick={connect}>
              Connect a client
            </button>
          </div>
          {firstOf(groups, shown).map(({ kind, title, repositories }) => (
            <section key={kind} class="group" aria-labelledby={`group-${kind}`}>
              <h3 id={`group-${kind}`}>{title}</h3>
              {repositories.map((repository) => (
                <RepositoryPanel
                  key={repository.name}
                  repository={repository}
                  place={place}
                  isOpenAtFirst={search !== '' && (found === 1 || repository.name === search)}
                  context={context}
                  onChange={refresh}
                  isReadOpen={live.status?.access?.isReadOpen !== false}
                />
              ))}
            </section>
          ))}
          {found > shown && (
            <button type="button" class="button more" onClick={() => setShown(shown + 1000)}>
              Show more ({found - shown} left)
            </button>
          )}
          {found === 0 && (
            <p class="nothing" role="status">
              No repository matches “{search}”.
            </p>
          )}
        </section>
      )}
      {value !== undefined && (
        <RegistryCards
          jobs={jobs.value ?? []}
          context={context}
          onImportChange={jobs.refresh}
          onChange={refresh}
        />
      )}
      {importing !== undefined && (
        <ImportDialog
          context={context}
          dropped={importing}
          onClose={() => setImporting(undefined)}
          onStarted={jobs.refresh}
        />
      )}
      {isConnecting && (
        <ConnectDialog
          place={place}
          hasAuthority={hasOwnAuthority(live.status, place)}
          onClose={() => setIsConnecting(false)}
        />
      )}
    </DropArea>
  );
}
