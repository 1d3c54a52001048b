import { useState } from 'preact/hooks';
import type { RepositoryDetails, Tag } from '../api/registry-answers.ts';
import { deleteFromRegistry } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { announce } from '../ui/announce.ts';
import { Dialog } from '../ui/dialog.tsx';
import { deletionSentences, type Extent } from './deletion.ts';

export interface DeleteTagDialogProps {
  readonly repository: RepositoryDetails;
  readonly tag: Tag;
  readonly context: PageContext;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

const EXTENTS: readonly { readonly extent: Extent; readonly label: string }[] = [
  { extent: 'tag', label: 'The tag alone' },
  { extent: 'image', label: 'The image with all its tags' },
];

export function DeleteTagDialog({ repository, tag, context, onClose, onDeleted }: DeleteTagDialogProps) {
  const [extent, setExtent] = useState<Extent>('tag');
  const [failure, setFailure] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const name = `${repository.name}:${tag.tag}`;
  const remove = async () => {
    setIsBusy(true);
    setFailure(undefined);
    try {
      const reference = extent === 'tag' ? tag.tag : tag.digest;
      if (await deleteFromRegistry(context.client, repository.name, reference)) {
        announce(`${name} was deleted`);
        onDeleted();
        onClose();
      }
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog title="Delete from this repository?" onClose={onClose}>
      <div class="dialog-body">
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
        <div aria-live="polite">
          {deletionSentences(repository, tag, extent).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
        {failure !== undefined && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
      </div>
      <div class="dialog-foot">
        <button type="button" class="button" autofocus onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          class="button button-danger-main"
          disabled={isBusy}
          onClick={() => void remove()}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}
