// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import type { RepositoryDetails, Tag } from '../api/registry-answers.ts';
import { deleteFromRegistry } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { planRemoval } from '../operations/operations-client.ts';
import { DeletionDialog } from '../ui/deletion-dialog.tsx';

/** The tag alone, or the image with all tags that lead to it. */
type Extent = 'tag' | 'image';

export interface DeleteTagDialogProps {
  readonly repository: Pick<RepositoryDetails, 'name' | 'kind'>;
  readonly tag: Tag;
  readonly context: PageContext;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

const EXTENTS: readonly { readonly extent: Extent; readonly label: string }[] = [
  { extent: 'tag', label: 'The tag alone' },
  { extent: 'image', label: 'The image with all its tags' },
];
const COMES_AGAIN = 'When it is asked for again, it is imported again, as far as the upstream still has it.';
const RELEASED = 'It was released, and stays as it is: let it go first, under Manage.';

export function DeleteTagDialog({ repository, tag, context, onClose, onDeleted }: DeleteTagDialogProps) {
  const [extent, setExtent] = useState<Extent>('tag');
  const name = `${repository.name}:${tag.tag}`;
  const reference = extent === 'tag' ? tag.tag : tag.digest;
  return (
    <DeletionDialog
      title="Delete from this repository?"
      name={name}
      plan={() => planRemoval(context.client, { image: `oci:${name}`, tagOnly: extent === 'tag' })}
      planned={`${name} ${extent}`}
      isPlannedAtOnce={context.access.writeToken() !== undefined}
      remove={() => deleteFromRegistry(context.client, repository.name, reference)}
      whyNot={tag.isReleased === true ? RELEASED : undefined}
      onDeleted={onDeleted}
      onClose={onClose}
    >
      <p>
        <strong class="path">
          <bdi>{name}</bdi>
        </strong>
      </p>
      <fieldset class="choice choice-many">
        <legend class="visually-hidden">What is deleted</legend>
        {EXTENTS.map((choice) => (
          <label key={choice.extent}>
            <input
              type="radio"
              name="extent"
              checked={extent === choice.extent}
              onChange={() => setExtent(choice.extent)}
            />
            <span>{choice.label}</span>
          </label>
        ))}
      </fieldset>
      {repository.kind === 'upstream' && <p>{COMES_AGAIN}</p>}
    </DeletionDialog>
  );
}
