// SPDX-License-Identifier: Apache-2.0
import { ageText, exactSizeText } from '@local-datastore/shared/page/text/quantities';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { Tag } from '../api/registry-answers.ts';
import { DeleteButton, ManageButton, UseInEveButton } from '../ui/row-buttons.tsx';

export interface TagTableProps {
  readonly repository: string;
  readonly tags: readonly Tag[];
  readonly onGet: (tag: Tag) => void;
  readonly onUseInEve: (tag: Tag) => void;
  /** undefined: nothing can be changed there. */
  readonly onManage: ((tag: Tag) => void) | undefined;
  /** undefined: nothing can be deleted there. */
  readonly onDelete: ((tag: Tag) => void) | undefined;
}

function platformsText({ kind, platforms, artifactType }: Tag): string {
  if (platforms.length > 0) return platforms.join(', ');
  return kind === 'artifact' ? (artifactType ?? 'artifact') : '–';
}

const IMPORTED = 'import:';

/** Who pushed it, or from where it was imported. */
const originText = (by: string): string =>
  by.startsWith(IMPORTED) ? `imported from ${by.slice(IMPORTED.length)}` : `by ${by}`;

const INCOMPLETE = 'Not all of it is here yet: the rest comes from the upstream when it is asked for.';
const RELEASED = 'Released: the tag cannot be moved to another image.';

function Marks({ tag }: { tag: Tag }) {
  const { versions = [] } = tag;
  const current = versions.find(({ digest }) => digest === tag.digest);
  return (
    <>
      {tag.isReleased === true && (
        <span class="badge badge-good" title={RELEASED}>
          released
        </span>
      )}
      {tag.isComplete === false && (
        <span class="badge badge-off" title={INCOMPLETE}>
          not all here
        </span>
      )}
      {current !== undefined && versions.length > 1 && (
        <span class="second">
          version {current.number} of {versions.length} here
        </span>
      )}
    </>
  );
}

function Row({
  repository,
  tag,
  onGet,
  onUseInEve,
  onManage,
  onDelete,
}: Omit<TagTableProps, 'tags'> & { tag: Tag }) {
  const { sizeBytes, digest, pushed, by } = tag;
  const name = `${repository}:${tag.tag}`;
  const platforms = platformsText(tag);
  const age = pushed != null ? ageText(pushed, Date.now()) : undefined;
  return (
    <tr>
      <th scope="row" class="col-name">
        <bdi class="path">{tag.tag}</bdi>
        <Marks tag={tag} />
        <span class="summary">{[sizeText(sizeBytes), platforms, age].filter(Boolean).join(' · ')}</span>
      </th>
      <td class="minor col-size" title={exactSizeText(sizeBytes)}>
        {sizeText(sizeBytes)}
      </td>
      <td class="minor col-format">
        <span class="path">{platforms}</span>
      </td>
      <td class="minor col-digest">
        <Digest digest={digest} what={`digest of ${name}`} />
      </td>
      <td class="minor col-age">
        {pushed != null && (
          <time dateTime={pushed} title={new Date(pushed).toLocaleString('en-GB')}>
            {age}
          </time>
        )}
        {by != null && !by.startsWith('upstream:') && <span class="second">{originText(by)}</span>}
      </td>
      <td class="col-actions">
        <span class="actions">
          <button
            type="button"
            class="button button-small"
            aria-label={`Get ${name}`}
            onClick={() => onGet(tag)}
          >
            Get
          </button>
          <UseInEveButton name={name} onClick={() => onUseInEve(tag)} />
          {onManage !== undefined && <ManageButton name={name} onClick={() => onManage(tag)} />}
          {onDelete !== undefined && <DeleteButton name={name} onClick={() => onDelete(tag)} />}
        </span>
      </td>
    </tr>
  );
}

export function TagTable({ repository, tags, ...actions }: TagTableProps) {
  return (
    <table class="images tags">
      <caption class="visually-hidden">Tags of {repository}</caption>
      <thead>
        <tr>
          <th scope="col">Tag</th>
          <th scope="col" class="minor">
            Size
          </th>
          <th scope="col" class="minor col-format">
            Platforms
          </th>
          <th scope="col" class="minor">
            Digest
          </th>
          <th scope="col" class="minor col-age">
            Age
          </th>
          <th scope="col" class="col-actions">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tags.map((tag) => (
          <Row key={tag.tag} repository={repository} tag={tag} {...actions} />
        ))}
      </tbody>
    </table>
  );
}
