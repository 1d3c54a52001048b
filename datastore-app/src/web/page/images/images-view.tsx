// SPDX-License-Identifier: Apache-2.0
import { useStore } from '@local-datastore/shared/page/store';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { UploadIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Image } from '../api/answers.ts';
import { urlOfImage } from '../api/client.ts';
import { toldPlace } from '../api/told-place.ts';
import { ArchiveImportPanel } from '../archives/archive-import-panel.tsx';
import type { PageContext } from '../context.ts';
import type { Live } from '../live/poll.ts';
import { ManageDialog } from '../operations/manage-dialog.tsx';
import { DropArea } from '../uploads/drop-area.tsx';
import { chosenFiles } from '../uploads/dropped-files.ts';
import { UploadDialog } from '../uploads/upload-dialog.tsx';
import { UploadPanel } from '../uploads/upload-panel.tsx';
import type { ChosenFile } from '../uploads/upload-plan.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { downloadByLink } from './download.ts';
import { EmptyState } from './empty-state.tsx';
import { EveDialog } from './eve-dialog.tsx';
import { groupByFolder } from './folder-groups.ts';
import { amountText, listImages, type Sorting, splitPath } from './image-list.ts';
import { ImageTable } from './image-table.tsx';
import { MoveDialog } from './move-dialog.tsx';
import { SelectionBar } from './selection-bar.tsx';
import { useSelection } from './use-selection.ts';

/** What is drawn at first; a table of thousands would make the page slow. */
const SHOWN_AT_FIRST = 200;

/** A dialog: about one image, or about all that are selected. */
type Opened =
  | { readonly kind: 'eve' | 'manage' | 'delete'; readonly path: string }
  | { readonly kind: 'move-selected' | 'delete-selected' };

export function ImagesView({ live, context }: { live: Live; context: PageContext }) {
  const [search, setSearch] = useState('');
  const [sorting, setSorting] = useState<Sorting>({ key: 'name', direction: 'ascending' });
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<Opened>();
  const [chosen, setChosen] = useState<readonly ChosenFile[]>();
  const [failure, setFailure] = useState<string>();
  const chooser = useRef<HTMLInputElement>(null);
  const uploads = useStore(context.uploads.list);
  const { images, status } = live;

  const isUploading = uploads.some(({ state }) => !['done', 'failed', 'exists'].includes(state));
  useEffect(() => {
    if (!isUploading) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isUploading]);

  const choose = () => chooser.current?.click();
  const toggleFolder = (folder: string) => {
    const next = new Set(closed);
    if (!next.delete(folder)) next.add(folder);
    setClosed(next);
  };
  const open = (kind: 'eve' | 'manage' | 'delete') => (image: Image) => setOpened({ kind, path: image.path });
  const download = (image: Image) => {
    setFailure(undefined);
    downloadByLink(context.client, image.path).catch((error: unknown) =>
      setFailure(
        `${shownName(image.path)} cannot be downloaded: ${error instanceof Error ? error.message : error}`,
      ),
    );
  };
  const fetchNow = async (image: Image) => {
    setFailure(undefined);
    try {
      if (await context.client.change('POST', `/-/api/v1/fetch${urlOfImage(image.path)}`)) {
        announce(`${shownName(image.path)} is being fetched`);
        context.poll.refresh();
      }
    } catch (error) {
      setFailure(
        `${shownName(image.path)} cannot be fetched: ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  const found = images && listImages(images, search, sorting);
  const groups = groupByFolder(found ?? []);
  const selection = useSelection(groups.flatMap((group) => group.images));
  const isOpen = ({ path }: Image) => !closed.has(splitPath(path).folder);
  const undrawn = (found ?? []).filter(isOpen).length - shown;
  // Also when it has changed meanwhile; and a dialog of an image that is gone closes.
  const openedPath = opened !== undefined && 'path' in opened ? opened.path : undefined;
  const openedImage = images?.find(({ path }) => path === openedPath);
  const here = images?.filter(({ state }) => state !== 'upstream') ?? [];
  const isTicketNeeded = status?.access?.isReadOpen === false;
  // A public place has one scheme.
  const hasHttps = status?.publicUrl == null && (status?.listeners?.https != null || status?.tls != null);

  return (
    <DropArea onFiles={setChosen}>
      <input
        ref={chooser}
        class="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Files to upload"
        onChange={({ currentTarget }) => {
          const files = chosenFiles(currentTarget.files);
          // The same file can be chosen again.
          currentTarget.value = '';
          if (files.length > 0) setChosen(files);
        }}
      />
      <UploadPanel context={context} />
      <ArchiveImportPanel imports={context.archiveImports} />
      {images !== undefined && images.length === 0 && (
        <EmptyState origin={toldPlace(status, location).origin} onChoose={choose} />
      )}
      {images !== undefined && images.length > 0 && (
        <section aria-labelledby="images-title">
          <div class="toolbar">
            <h2 id="images-title">Images</h2>
            <p class="count">{amountText(images)}</p>
            <input
              type="search"
              class="search"
              placeholder="Search name, format, sha256"
              aria-label="Search images"
              value={search}
              onInput={(event) => {
                setSearch(event.currentTarget.value);
                // What is found is seen.
                setClosed(new Set());
              }}
            />
            <button type="button" class="button button-main" onClick={choose}>
              <UploadIcon />
              <span>Upload</span>
            </button>
          </div>
          <Failure text={failure} />
          {selection.images.length > 0 && (
            <SelectionBar
              {...{ selection, isTicketNeeded }}
              onDownload={download}
              onMove={() => setOpened({ kind: 'move-selected' })}
              onDelete={() => setOpened({ kind: 'delete-selected' })}
            />
          )}
          {groups.length > 0 && (
            <ImageTable
              {...{ groups, closed, selection, context, isTicketNeeded }}
              most={shown}
              onToggleFolder={toggleFolder}
              sorting={sorting}
              onSort={setSorting}
              onUseInEve={open('eve')}
              onManage={open('manage')}
              onDelete={open('delete')}
              onFetch={(image) => void fetchNow(image)}
              onDownload={download}
              origin={toldPlace(status, location).origin}
            />
          )}
          {undrawn > 0 && (
            <button type="button" class="button more" onClick={() => setShown(shown + 1000)}>
              Show more ({undrawn} left)
            </button>
          )}
          {found?.length === 0 && (
            <p class="nothing" role="status">
              No image matches “{search}”.
            </p>
          )}
        </section>
      )}
      {opened?.kind === 'eve' && openedImage !== undefined && (
        <EveDialog
          image={openedImage}
          hasHttps={hasHttps}
          context={context}
          onClose={() => setOpened(undefined)}
        />
      )}
      {opened?.kind === 'manage' && openedImage !== undefined && (
        <ManageDialog
          {...{ image: openedImage.path, ownName: openedImage.path, nameLabel: 'Path' }}
          name={shownName(openedImage.path)}
          isReleased={openedImage.isReleased === true}
          canPurge={false}
          context={context}
          onChange={context.poll.refresh}
          onClose={() => setOpened(undefined)}
        />
      )}
      {opened?.kind === 'delete' && openedImage !== undefined && (
        <DeleteDialog images={[openedImage]} context={context} onClose={() => setOpened(undefined)} />
      )}
      {opened?.kind === 'delete-selected' && (
        <DeleteDialog images={selection.images} context={context} onClose={() => setOpened(undefined)} />
      )}
      {opened?.kind === 'move-selected' && (
        <MoveDialog
          {...{ images: selection.images, existing: here, context }}
          onClose={() => setOpened(undefined)}
        />
      )}
      {chosen !== undefined && (
        <UploadDialog
          chosen={chosen}
          existing={here}
          onStart={(plans, archives) => {
            setChosen(undefined);
            if (plans.length > 0) void context.uploads.add(plans);
            if (archives.length > 0) void context.archiveImports.add(archives);
          }}
          onClose={() => setChosen(undefined)}
        />
      )}
    </DropArea>
  );
}
