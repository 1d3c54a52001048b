// SPDX-License-Identifier: Apache-2.0
import type { Image } from '../api/answers.ts';
import { archiveUrl } from './download.ts';
import { amountText } from './image-list.ts';
import type { Selection } from './use-selection.ts';

export interface SelectionBarProps {
  readonly selection: Selection;
  /** A link to an archive cannot carry a credential: images are downloaded one by one. */
  readonly isTicketNeeded: boolean;
  readonly onDownload: (image: Image) => void;
  readonly onMove: () => void;
  readonly onDelete: () => void;
}

/** What can be done with all images that are chosen. */
export function SelectionBar({ selection, isTicketNeeded, onDownload, onMove, onDelete }: SelectionBarProps) {
  const { images, selectable } = selection;
  const left = selectable.length - images.length;
  const url = archiveUrl(images.map(({ path }) => path));
  return (
    <section class="selection" aria-label="Selected images">
      <p aria-live="polite">{amountText(images)} selected</p>
      <span class="actions">
        {left > 0 && (
          <button
            type="button"
            class="button button-small button-quiet"
            onClick={() =>
              selection.set(
                selectable.map(({ path }) => path),
                true,
              )
            }
          >
            Select all {selectable.length}
          </button>
        )}
        <button type="button" class="button button-small button-quiet" onClick={selection.clear}>
          Clear
        </button>
        {isTicketNeeded || url === undefined ? (
          <button type="button" class="button button-small" onClick={() => images.forEach(onDownload)}>
            Download
          </button>
        ) : (
          <a class="button button-small" href={url} download="images.tar" title="A tar with their SHA256SUMS">
            Export
          </a>
        )}
        <button type="button" class="button button-small" onClick={onMove}>
          Move…
        </button>
        <button type="button" class="button button-small" onClick={onDelete}>
          Delete…
        </button>
      </span>
    </section>
  );
}
