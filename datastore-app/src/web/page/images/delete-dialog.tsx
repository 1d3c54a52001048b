import type { Image } from '../api/answers.ts';
import type { PageContext } from '../context.ts';
import { planRemoval } from '../operations/operations-client.ts';
import { exactSizeText } from '../text/quantities.ts';
import { shownName } from '../text/shown-name.ts';
import { DeletionDialog } from '../ui/deletion-dialog.tsx';

export interface DeleteDialogProps {
  readonly image: Image;
  readonly context: PageContext;
  readonly onClose: () => void;
}

const RELEASED = 'It was released, and stays as it is: let it go first, under Manage.';

export function DeleteDialog({ image, context, onClose }: DeleteDialogProps) {
  const { path, sizeBytes, isReleased, linkTo } = image;
  const { client, access } = context;
  return (
    <DeletionDialog
      title="Delete this image?"
      name={shownName(path)}
      plan={() => planRemoval(client, { image: path })}
      planned={path}
      isPlannedAtOnce={access.writeToken() !== undefined}
      remove={() => client.remove(path)}
      whyNot={isReleased === true && linkTo === undefined ? RELEASED : undefined}
      onDeleted={context.poll.refresh}
      onClose={onClose}
    >
      <p>
        <strong class="path">
          <bdi>{shownName(path)}</bdi>
        </strong>
        <br />
        {exactSizeText(sizeBytes)}
      </p>
      <p>Devices that are still to download it will not find it any more. This cannot be undone.</p>
    </DeletionDialog>
  );
}
