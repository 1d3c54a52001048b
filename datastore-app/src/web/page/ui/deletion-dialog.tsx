import type { ComponentChildren } from 'preact';
import { announce } from './announce.ts';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';
import { useAttempt } from './use-attempt.ts';

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
  const { isBusy, failure, run } = useAttempt();
  const start = () =>
    run(async () => {
      if (!(await remove())) return;
      announce(`${name} was deleted`);
      onDeleted();
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        {whyNot !== undefined && <p>{whyNot}</p>}
        <Failure text={failure} />
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
