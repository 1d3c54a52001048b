import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { announce } from './announce.ts';
import { Dialog } from './dialog.tsx';

export interface DeletionDialogProps {
  readonly title: string;
  /** What is deleted, as it is shown and announced. */
  readonly name: string;
  /** @returns whether it was done; false: the person gave up */
  readonly remove: () => Promise<boolean>;
  /** Why it cannot be deleted now. */
  readonly whyNot?: string | undefined;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
  /** What goes, and what stays. */
  readonly children: ComponentChildren;
}

/** Asks before something is deleted: Enter keeps it. */
export function DeletionDialog({
  title,
  name,
  remove,
  whyNot,
  onDeleted,
  onClose,
  children,
}: DeletionDialogProps) {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const start = async () => {
    setIsBusy(true);
    setFailure(undefined);
    try {
      if (await remove()) {
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
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        {whyNot !== undefined && <p>{whyNot}</p>}
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
          disabled={isBusy || whyNot !== undefined}
          onClick={() => void start()}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}
