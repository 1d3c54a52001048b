// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { SortIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import type { Image } from '../api/answers.ts';
import { type DrawnGroup, drawGroups, type FolderGroup } from './folder-groups.ts';
import { amountText, type Sorting, type SortKey } from './image-list.ts';
import { ImageRow, type ImageRowActions } from './image-row.tsx';
import { SelectBox } from './select-box.tsx';
import { isSelectable, shareOf } from './selection.ts';
import type { Selection } from './use-selection.ts';

export interface ImageTableProps extends ImageRowActions {
  readonly groups: readonly FolderGroup[];
  /** At most so many images are drawn. */
  readonly most: number;
  /** Folders of which only the name is shown. */
  readonly closed: ReadonlySet<string>;
  readonly onToggleFolder: (folder: string) => void;
  readonly sorting: Sorting;
  readonly onSort: (sorting: Sorting) => void;
}

const HEADS: readonly {
  readonly key: SortKey | 'digest';
  readonly label: string;
  readonly isMinor?: true;
}[] = [
  { key: 'name', label: 'Name' },
  { key: 'size', label: 'Size', isMinor: true },
  { key: 'format', label: 'Format', isMinor: true },
  { key: 'digest', label: 'SHA-256', isMinor: true },
  { key: 'age', label: 'Age', isMinor: true },
];

const turned = ({ direction }: Sorting) => (direction === 'ascending' ? 'descending' : 'ascending');

function Head({ sorting, onSort, selection }: Pick<ImageTableProps, 'sorting' | 'onSort' | 'selection'>) {
  const all = selection.selectable.map(({ path }) => path);
  return (
    <tr>
      <td class="col-select">
        {all.length > 0 && (
          <SelectBox
            label="Select all images"
            share={shareOf(selection.paths, all)}
            onChange={(isSelected) => selection.set(all, isSelected)}
          />
        )}
      </td>
      {HEADS.map(({ key, label, isMinor }) => {
        const isChosen = key === sorting.key;
        return (
          <th
            key={key}
            scope="col"
            class={`col-${key}${isMinor ? ' minor' : ''}`}
            aria-sort={isChosen ? sorting.direction : undefined}
          >
            {key === 'digest' ? (
              label
            ) : (
              <button
                type="button"
                class="sort"
                onClick={() => onSort({ key, direction: isChosen ? turned(sorting) : 'ascending' })}
              >
                {label}
                {isChosen && <SortIcon direction={sorting.direction} />}
              </button>
            )}
          </th>
        );
      })}
      <th scope="col" class="col-actions">
        <span class="visually-hidden">Actions</span>
      </th>
    </tr>
  );
}

const COLUMNS = HEADS.length + 1;

function FolderRow({
  group: { folder, images },
  isOpen,
  onToggle,
  selection,
}: {
  group: DrawnGroup;
  isOpen: boolean;
  onToggle: () => void;
  selection: Selection;
}) {
  const own = images.filter(isSelectable).map(({ path }) => path);
  return (
    <tr class="folder-row">
      <td class="col-select">
        {own.length > 0 && (
          <SelectBox
            label={`Select all in ${folder}`}
            share={shareOf(selection.paths, own)}
            onChange={(isSelected) => selection.set(own, isSelected)}
          />
        )}
      </td>
      <th scope="rowgroup" colSpan={COLUMNS}>
        <button type="button" class="folder-name" aria-expanded={isOpen} onClick={onToggle}>
          <bdi>{shownName(folder)}</bdi>
        </button>
        <span class="second">{amountText(images)}</span>
      </th>
    </tr>
  );
}

/** Images in the folders that they are in; where there is no folder, images alone. */
export function ImageTable({
  groups,
  most,
  closed,
  onToggleFolder,
  sorting,
  onSort,
  ...actions
}: ImageTableProps) {
  const { selection } = actions;
  return (
    <table class="images">
      <caption class="visually-hidden">Images of this datastore</caption>
      <thead>
        <Head sorting={sorting} onSort={onSort} selection={selection} />
      </thead>
      {drawGroups(groups, { closed, most }).map((group) => (
        <tbody key={group.folder}>
          {group.folder !== '' && (
            <FolderRow
              group={group}
              isOpen={!closed.has(group.folder)}
              onToggle={() => onToggleFolder(group.folder)}
              selection={selection}
            />
          )}
          {group.drawn.map((image: Image) => (
            <ImageRow key={image.path} image={image} isInFolder={group.folder !== ''} {...actions} />
          ))}
        </tbody>
      ))}
    </table>
  );
}
