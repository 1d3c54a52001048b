// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import type { ComponentChildren } from 'preact';

export interface ActionDialogProps {
  readonly title: string;
  readonly verb: string;
  /** What is announced afterwards; undefined: what it leads to tells by itself. */
  readonly done?: string;
  /** Whether nothing is lost by it. */
  readonly isHarmless?: boolean;
  readonly act: () => Promise<void>;
  readonly onDone?: () => void;
  readonly onClose: () => void;
  /** What it comes to. */
  readonly children: ComponentChildren;
}

/** Asks before something is done: Enter leaves it as it is. */
export function ActionDialog({
  title,
  verb,
  done,
  isHarmless = false,
  act,
  onDone,
  onClose,
  children,
}: ActionDialogProps) {
  const { isBusy, failure, run } = useAttempt();
  const start = () =>
    run(async () => {
      await act();
      if (done !== undefined) announce(done);
      onDone?.();
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        <Failure text={failure} />
      </div>
      <DialogFoot leave="Leave it" onLeave={onClose} isLeaveFirst>
        <button
          type="button"
          class={isHarmless ? 'button button-main' : 'button button-danger-main'}
          disabled={isBusy}
          onClick={() => void start()}
        >
          {verb}
        </button>
      </DialogFoot>
    </Dialog>
  );
}
