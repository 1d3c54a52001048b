// SPDX-License-Identifier: Apache-2.0
import { ageText, exactSizeText, percentOf } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { DownloadIcon, RenameIcon, WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { repositoryOfPath } from '../../../archives/archive-naming.ts';
import type { Image } from '../api/answers.ts';
import { urlOfImage } from '../api/client.ts';
import { containersAddress } from '../containers/address.ts';
import type { PageContext } from '../context.ts';
import { DeleteButton, ManageButton, UseInEveButton } from '../ui/row-buttons.tsx';
import { splitPath } from './image-list.ts';
import { RenameField } from './rename-field.tsx';
import { SelectBox } from './select-box.tsx';
import { isSelectable } from './selection.ts';
import type { Selection } from './use-selection.ts';

export interface ImageRowActions {
  readonly onUseInEve: (image: Image) => void;
  readonly onManage: (image: Image) => void;
  readonly onDelete: (image: Image) => void;
  /** Lets one come that is not here yet. */
  readonly onFetch: (image: Image) => void;
  readonly onDownload: (image: Image) => void;
  /** Scheme, host and port by which clients are told to reach the datastore. */
  readonly origin: string;
  /** A link alone does not do: the browser knows no credential. */
  readonly isTicketNeeded: boolean;
  readonly selection: Selection;
  readonly context: PageContext;
}

export interface ImageRowProps extends ImageRowActions {
  readonly image: Image;
  /** It stands below the name of its folder. */
  readonly isInFolder: boolean;
}

const NAME_FORMS = {
  composed: 'another name looks the same; in this one accented letters are single characters (NFC)',
  decomposed: 'another name looks the same; in this one accents are characters of their own (NFD)',
  mixed: 'another name looks the same; this one is in neither Unicode form throughout',
};

const GROWING = 'Somebody writes to it, or did so lately: it is hashed when it is left alone.';

function ImageDigest({ image }: { image: Image }) {
  const { sha256, hashedBytes, sizeBytes, path, isGrowing } = image;
  if (isGrowing) return <span title={GROWING}>Still growing</span>;
  if (sha256 === null) {
    const percent = percentOf(hashedBytes, sizeBytes);
    return (
      <span class="hashing">
        <progress value={percent} max={100} aria-label={`Hashing ${path}`} />
        <span>Hashing {percent} %</span>
      </span>
    );
  }
  return <Digest digest={sha256} what={`sha256 of ${path}`} />;
}

/** An image that is not here yet: from where it comes, and how far it is. */
function Coming({ image: { path, sizeBytes, upstream } }: { image: Image }) {
  if (upstream === undefined) return null;
  const { name, receivedBytes, reason } = upstream;
  const percent = receivedBytes === null ? undefined : percentOf(receivedBytes, sizeBytes);
  return (
    <>
      {percent === undefined ? (
        <span class="badge badge-off" title={`It comes from ${name} when it is first asked for.`}>
          not here yet
        </span>
      ) : (
        <span class="hashing">
          <progress value={percent} max={100} aria-label={`Fetching ${path}`} />
          <span>Fetching {percent} %</span>
        </span>
      )}
      <bdi class="second origin">from {shownName(name)}</bdi>
      {reason !== null && percent === undefined && <span class="second origin">{reason}</span>}
    </>
  );
}

/** An archive that no repository can be named after has none. */
function ContainersLink({ path }: { path: string }) {
  const name = repositoryOfPath(path);
  if (name.kind === 'unnamed') return null;
  return (
    <a class="containers-link" href={containersAddress(name.repository)} aria-label={`Containers of ${path}`}>
      Containers
    </a>
  );
}

const RELEASED = 'Released: it is not replaced, renamed or deleted.';

/** One image: what it is, and what can be done with it. */
export function ImageRow({
  image,
  isInFolder,
  onUseInEve,
  onManage,
  onDelete,
  onDownload,
  onFetch,
  origin,
  isTicketNeeded,
  selection,
  context,
}: ImageRowProps) {
  const [isRenaming, setIsRenaming] = useState(false);
  const renameButton = useRef<HTMLButtonElement>(null);
  const wasRenaming = useRef(false);
  useLayoutEffect(() => {
    // The field that had the focus is gone.
    if (wasRenaming.current && !isRenaming) renameButton.current?.focus();
    wasRenaming.current = isRenaming;
  }, [isRenaming]);
  const isComing = image.state === 'upstream';
  const { path, sizeBytes, virtualSizeBytes, state, modified, warnings = [], artifact } = image;
  // A disk of the registry is managed there, and read by grants.
  const isLinkEnough = !isTicketNeeded && artifact === undefined;
  const content = image.content ?? image.format;
  const { folder, name } = splitPath(path);
  const age = ageText(modified, Date.now());
  const isOwn = isSelectable(image);
  const isSelected = selection.paths.has(path);
  const hasVirtualSize = virtualSizeBytes !== null && virtualSizeBytes !== sizeBytes;
  return (
    <tr class={isInFolder ? 'in-folder' : undefined}>
      <td class="col-select">
        {isOwn && (
          <SelectBox
            label={`Select ${path}`}
            share={isSelected ? 'all' : 'none'}
            onChange={(_, isRange) => selection.toggle(path, isRange)}
          />
        )}
      </td>
      <th scope="row" class="col-name">
        {isRenaming ? (
          <RenameField path={path} context={context} onEnd={() => setIsRenaming(false)} />
        ) : (
          <bdi class="path">
            {folder !== '' && (
              <span class={isInFolder ? 'visually-hidden' : 'folder'}>{shownName(folder)}</span>
            )}
            <wbr />
            {shownName(name)}
          </bdi>
        )}
        {isOwn && !isRenaming && (
          <button
            ref={renameButton}
            type="button"
            class="button-icon rename minor"
            aria-label={`Rename ${path}`}
            title="Rename"
            onClick={() => setIsRenaming(true)}
          >
            <RenameIcon />
          </button>
        )}
        {image.linkTo !== undefined && <bdi class="second">link to {shownName(image.linkTo)}</bdi>}
        {image.format === 'container' && state === 'ready' && <ContainersLink path={path} />}
        {artifact !== undefined && (
          <a
            class="containers-link"
            href={containersAddress(artifact.repository)}
            aria-label={`Repository of ${path}`}
          >
            Repository
          </a>
        )}
        {image.isReleased === true && (
          <span class="badge badge-good" title={RELEASED}>
            released
          </span>
        )}
        {image.nameForm !== undefined && <span class="second origin">{NAME_FORMS[image.nameForm]}</span>}
        {image.caseTwin !== undefined && (
          <span class="second origin">
            differs in upper and lower case alone from {shownName(image.caseTwin)}
          </span>
        )}
        {isComing && <Coming image={image} />}
        {state === 'corrupt' && (
          <span
            class="badge badge-bad"
            title="The content changed without being written to: it is not served. Upload it again."
          >
            damaged
          </span>
        )}
        {warnings.length > 0 && (
          <button
            type="button"
            class="badge badge-warning"
            aria-label={`${countText(warnings.length, 'warning')} about ${path}`}
            title={warnings.map(({ message }) => message).join('\n')}
            onClick={() => onUseInEve(image)}
          >
            <WarningIcon />
            {countText(warnings.length, 'warning')}
          </button>
        )}
        <span class="summary">
          {sizeText(sizeBytes)} · {content} · {age}
          {image.isGrowing && ' · still growing'}
          {state === 'hashing' &&
            !image.isGrowing &&
            ` · hashing ${percentOf(image.hashedBytes, sizeBytes)} %`}
        </span>
      </th>
      <td class="minor col-size" title={exactSizeText(sizeBytes)}>
        {sizeText(sizeBytes)}
        {hasVirtualSize && <span class="second">{sizeText(virtualSizeBytes)} disk</span>}
      </td>
      <td class="minor col-format">{content}</td>
      <td class="minor col-digest">
        <ImageDigest image={image} />
      </td>
      <td class="minor col-age">
        <time dateTime={modified} title={new Date(modified).toLocaleString('en-GB')}>
          {age}
        </time>
      </td>
      <td class="col-actions">
        <span class="actions">
          <UseInEveButton name={path} onClick={() => onUseInEve(image)} />
          <span class="minor">
            <CopyButton text={origin + urlOfImage(path)} what={`URL of ${path}`} />
          </span>
          <a
            class="button-icon"
            href={urlOfImage(path)}
            download={name}
            onClick={(event) => {
              if (isLinkEnough) return;
              event.preventDefault();
              onDownload(image);
            }}
            aria-label={`Download ${path}`}
            title="Download"
          >
            <DownloadIcon />
          </a>
          {isComing && (
            <button
              type="button"
              class="button button-small"
              aria-label={`Fetch now: ${path}`}
              disabled={image.upstream?.receivedBytes != null}
              onClick={() => onFetch(image)}
            >
              Fetch now
            </button>
          )}
          {isOwn && (
            <>
              <ManageButton name={path} onClick={() => onManage(image)} />
              <DeleteButton name={path} onClick={() => onDelete(image)} />
            </>
          )}
        </span>
      </td>
    </tr>
  );
}
