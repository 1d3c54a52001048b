// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface DeletionDialogProps {
  readonly title: string;
  /** What is deleted, as it is shown and announced. */
  readonly name: string;
  /** Runs it dry. @returns what goes, what stays and what comes free, as sentences; undefined: the person gave up */
  readonly plan: () => Promise<readonly string[] | undefined>;
  /** Another one when something else is to be deleted: it is run dry anew. */
  readonly planned: string;
  /** The person is asked for nothing when it is run dry. */
  readonly isPlannedAtOnce: boolean;
  /** @returns whether it was done; false: the person gave up */
  readonly remove: () => Promise<boolean>;
  /** Why it cannot be deleted now. */
  readonly whyNot?: string | undefined;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
  /** What it is. */
  readonly children: ComponentChildren;
}

/** Asks before something is deleted, and says before what goes: Enter keeps it. */
export function DeletionDialog({
  title,
  name,
  plan,
  planned,
  isPlannedAtOnce,
  remove,
  whyNot,
  onDeleted,
  onClose,
  children,
}: DeletionDialogProps) {
  const { isBusy, failure, run } = useAttempt();
  const [found, setFound] = useState<{ readonly of: string; readonly sentences: readonly string[] }>();
  const wanted = useRef(planned);
  wanted.current = planned;
  const look = () =>
    run(async () => {
      const sentences = await plan();
      if (sentences !== undefined && wanted.current === planned) setFound({ of: planned, sentences });
    });
  useEffect(() => {
    if (isPlannedAtOnce && whyNot === undefined) void look();
  }, [planned]);
  const start = () =>
    run(async () => {
      if (!(await remove())) return;
      announce(`Deleted: ${name}`);
      onDeleted();
      onClose();
    });
  const isKnown = found?.of === planned;
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        {whyNot !== undefined && <p>{whyNot}</p>}
        <div class="deletion-plan" aria-live="polite">
          {isKnown && found.sentences.map((sentence) => <p key={sentence}>{sentence}</p>)}
        </div>
        {!isKnown && whyNot === undefined && (
          <button type="button" class="button" disabled={isBusy} onClick={() => void look()}>
            Show what goes
          </button>
        )}
        <Failure text={failure} />
      </div>
      <DialogFoot leave="Keep it" onLeave={onClose} isLeaveFirst>
        <button
          type="button"
          class="button button-danger-main"
          disabled={isBusy || !isKnown || whyNot !== undefined}
          onClick={() => void start()}
        >
          Delete
        </button>
      </DialogFoot>
    </Dialog>
  );
}
