// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { ageText } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { ExternalTag, Repository, Tag } from '../api/registry-answers.ts';
import { readRepository } from '../api/registry-client.ts';
import type { Place } from '../api/told-place.ts';
import type { PageContext } from '../context.ts';
import { ManageDialog } from '../operations/manage-dialog.tsx';
import { ContainerEveDialog } from './container-eve-dialog.tsx';
import { DeleteTagDialog } from './delete-tag-dialog.tsx';
import { GetDialog } from './get-dialog.tsx';
import { TagTable } from './tag-table.tsx';

export interface RepositoryPanelProps {
  readonly repository: Repository;
  /** By what clients are told to reach the datastore. */
  readonly place: Place;
  readonly isOpenAtFirst: boolean;
  readonly context: PageContext;
  readonly isReadOpen: boolean;
  /** Something of it was deleted. */
  readonly onChange: () => void;
}

interface Opened {
  readonly kind: 'get' | 'eve' | 'manage' | 'delete';
  /** undefined: the repository itself. */
  readonly tag: string | undefined;
}

const SHOWN_AT_FIRST = 100;

function Origin({ kind, archive, upstream }: Repository) {
  if (archive !== undefined) {
    return (
      <p class="second">
        Served from the image <bdi class="path">{shownName(archive)}</bdi>, without a copy: replace or delete
        it under <a href="#images">Images</a>.
      </p>
    );
  }
  if (kind !== 'upstream') return null;
  return (
    <p class="second">
      Imported from <span class="path">{upstream ?? 'an upstream'}</span> when it is asked for.
    </p>
  );
}

/** What is not here yet, and where it comes from when somebody asks for it. */
function ExternalTags({ repository, tags }: { repository: string; tags: readonly ExternalTag[] }) {
  return (
    <ul class="external" aria-label={`Tags of ${repository} that are not here yet`}>
      {tags.map(({ tag, source }) => (
        <li key={tag}>
          <bdi class="path">{tag}</bdi>
          <span
            class="badge badge-off"
            title="Nothing of it is here: it is fetched when it is first asked for."
          >
            not here yet
          </span>
          <span class="second import-source">{source}</span>
        </li>
      ))}
    </ul>
  );
}

const manifestsText = (count: number) =>
  count === 1 ? 'One image has no tag' : `${count} images have no tag`;

function Details({
  repository,
  place,
  context,
  isReadOpen,
  onChange,
}: Omit<RepositoryPanelProps, 'isOpenAtFirst'>) {
  const { client } = context;
  const { name } = repository;
  const [opened, setOpened] = useState<Opened>();
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const load = useCallback(() => readRepository(client, name), [client, name]);
  const { value: details, failure, refresh } = usePolled(load);
  const open = (kind: Opened['kind']) => (tag: Tag) => setOpened({ kind, tag: tag.tag });
  const close = () => setOpened(undefined);
  const tags = details?.tags ?? [];
  // A dialog of a tag that is gone closes.
  const tag = tags.find((candidate) => candidate.tag === opened?.tag);
  const external = details?.external ?? [];
  const untagged = details?.manifests ?? 0;
  return (
    <div class="repository-body">
      <Origin {...repository} />
      <Failure text={failure?.message} />
      {details !== undefined && tags.length + external.length === 0 && (
        <p class="second">No tag leads to an image here.</p>
      )}
      {tags.length > 0 && (
        <TagTable
          repository={name}
          tags={tags.slice(0, shown)}
          onGet={open('get')}
          onUseInEve={open('eve')}
          onManage={repository.kind === 'archive' ? undefined : open('manage')}
          onDelete={repository.kind === 'archive' ? undefined : open('delete')}
        />
      )}
      {tags.length > shown && (
        <button type="button" class="button more" onClick={() => setShown(shown + 1000)}>
          Show more ({tags.length - shown} left)
        </button>
      )}
      {external.length > 0 && <ExternalTags repository={name} tags={external} />}
      {untagged > 0 && <p class="second">{manifestsText(untagged)}.</p>}
      {repository.kind !== 'archive' && (
        <button
          type="button"
          class="button button-small"
          aria-label={`Manage the repository ${name}`}
          onClick={() => setOpened({ kind: 'manage', tag: undefined })}
        >
          Manage the repository
        </button>
      )}
      {opened?.kind === 'manage' && (opened.tag === undefined || tag !== undefined) && (
        <ManageDialog
          image={tag === undefined ? `oci:${name}` : `oci:${name}:${tag.tag}`}
          name={tag === undefined ? name : `${name}:${tag.tag}`}
          ownName={tag?.tag ?? name}
          nameLabel={tag === undefined ? 'Repository' : 'Tag'}
          isReleased={tag && tag.isReleased === true}
          canPurge={tag === undefined}
          versionOf={tag && { repository: name, digest: tag.digest }}
          context={context}
          onChange={() => {
            refresh();
            onChange();
          }}
          onClose={close}
        />
      )}
      {details !== undefined && tag !== undefined && opened?.kind === 'get' && (
        <GetDialog repository={repository} tag={tag} place={place} isReadOpen={isReadOpen} onClose={close} />
      )}
      {tag !== undefined && opened?.kind === 'eve' && (
        <ContainerEveDialog repository={name} tag={tag} place={place} context={context} onClose={close} />
      )}
      {details !== undefined && tag !== undefined && opened?.kind === 'delete' && (
        <DeleteTagDialog
          repository={details}
          tag={tag}
          context={context}
          onClose={close}
          onDeleted={() => {
            refresh();
            onChange();
          }}
        />
      )}
    </div>
  );
}

const tagsText = (count: number) => `${count} ${count === 1 ? 'tag' : 'tags'}`;

/** A repository, whose tags show when it is opened. */
export function RepositoryPanel({ isOpenAtFirst, ...props }: RepositoryPanelProps) {
  const { name, tagCount, sizeBytes, updated } = props.repository;
  const summary = [
    tagCount !== undefined && tagsText(tagCount),
    sizeBytes !== undefined && sizeText(sizeBytes),
    updated != null && ageText(updated, Date.now()),
  ];
  const [isOpen, setIsOpen] = useState(isOpenAtFirst);
  // The only one that is found is what was looked for.
  useEffect(() => {
    if (isOpenAtFirst) setIsOpen(true);
  }, [isOpenAtFirst]);
  return (
    <details class="repository" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <bdi class="path">{name}</bdi>
        <span class="second">{summary.filter(Boolean).join(' · ')}</span>
      </summary>
      {isOpen && <Details {...props} />}
    </details>
  );
}
