import { useState } from 'preact/hooks';
import type { Image } from '../api/answers.ts';
import type { PageContext } from '../context.ts';
import { exactSizeText } from '../text/quantities.ts';
import { shownName } from '../text/shown-name.ts';
import { announce } from '../ui/announce.ts';
import { Dialog } from '../ui/dialog.tsx';

export interface DeleteDialogProps {
  readonly image: Image;
  readonly context: PageContext;
  readonly onClose: () => void;
}

export function DeleteDialog({ image, context, onClose }: DeleteDialogProps) {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const remove = async () => {
    setIsBusy(true);
    setFailure(undefined);
    try {
      if (await context.client.remove(image.path)) {
        announce(`${shownName(image.path)} was deleted`);
        context.poll.refresh();
        onClose();
      }
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog title="Delete this image?" onClose={onClose}>
      <div class="dialog-body">
        <p>
          <strong class="path">
            <bdi>{shownName(image.path)}</bdi>
          </strong>
          <br />
          {exactSizeText(image.sizeBytes)}
        </p>
        <p>Devices that are still to download it will not find it any more. This cannot be undone.</p>
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
