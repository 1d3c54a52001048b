// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { exactSizeText } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { useState } from 'preact/hooks';
import type { Image } from '../api/answers.ts';
import type { PageContext } from '../context.ts';
import { planRemoval } from '../operations/operations-client.ts';
import { DeletionDialog } from '../ui/deletion-dialog.tsx';
import { amountText } from './image-list.ts';

export interface DeleteDialogProps {
  /** One, or several; as they are when the dialog opens. */
  readonly images: readonly Image[];
  readonly context: PageContext;
  readonly onClose: () => void;
}

const RELEASED = 'It was released, and stays as it is: let it go first, under Manage.';

/** A link to what was released can go; it itself cannot. */
const isKept = ({ isReleased, linkTo }: Image) => isReleased === true && linkTo === undefined;

function Names({ images }: { images: readonly Image[] }) {
  const [only] = images;
  if (images.length === 1 && only !== undefined) {
    return (
      <p>
        <strong class="path">
          <bdi>{shownName(only.path)}</bdi>
        </strong>
        <br />
        {exactSizeText(only.sizeBytes)}
      </p>
    );
  }
  return (
    <>
      <p>
        <strong>{amountText(images)}</strong>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="chosen" tabIndex={0} aria-label="Images to be deleted">
        <ul>
          {images.map((image) => (
            <li key={image.path}>
              <bdi class="path">{shownName(image.path)}</bdi>
              {isKept(image) && <span class="second">released, and stays</span>}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

/** Asks before images are deleted; those that were released stay. */
export function DeleteDialog({ images: opened, context, onClose }: DeleteDialogProps) {
  // What is deleted is what was shown, whatever the list becomes meanwhile.
  const [images] = useState(opened);
  const { client, access } = context;
  const paths = images.filter((image) => !isKept(image)).map(({ path }) => path);
  const [only] = images;
  const isOne = images.length === 1 && only !== undefined;

  async function plan(): Promise<readonly string[] | undefined> {
    const found: string[] = [];
    for (const path of paths) {
      const sentences = await planRemoval(client, { image: path });
      if (sentences === undefined) return undefined;
      if (isOne) return sentences;
      found.push(sentences.join(' '));
    }
    return found;
  }
  /** All that can be; what could not is told together. @throws Error */
  async function remove(): Promise<boolean> {
    const failures: string[] = [];
    for (const path of paths) {
      try {
        if (!(await client.remove(path))) return false;
      } catch (error) {
        failures.push(isOne ? errorMessage(error) : `${path}: ${errorMessage(error)}`);
      }
    }
    if (failures.length === 0) return true;
    context.poll.refresh();
    throw new Error(failures.join(' '));
  }
  return (
    <DeletionDialog
      title={isOne ? 'Delete this image?' : `Delete ${paths.length} images?`}
      name={isOne ? shownName(only.path) : amountText(images)}
      plan={plan}
      planned={paths.join('\n')}
      isPlannedAtOnce={access.writeToken() !== undefined}
      remove={remove}
      whyNot={paths.length === 0 ? RELEASED : undefined}
      onDeleted={context.poll.refresh}
      onClose={onClose}
    >
      <Names images={images} />
      <p>
        Devices that are still to download {isOne ? 'it' : 'them'} will not find {isOne ? 'it' : 'them'} any
        more. This cannot be undone.
      </p>
    </DeletionDialog>
  );
}
