// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useState } from 'preact/hooks';
import type { Image } from '../api/answers.ts';
import type { PageContext } from '../context.ts';
import { change } from '../operations/operations-client.ts';
import { FolderField } from '../ui/folder-field.tsx';
import { amountText } from './image-list.ts';
import { collisionOf, type Move, planMoves } from './move-plan.ts';

export interface MoveDialogProps {
  readonly images: readonly Image[];
  /** Of the folders that there are. */
  readonly existing: readonly Image[];
  readonly context: PageContext;
  readonly onClose: () => void;
}

interface Planned {
  readonly moves: readonly Move[];
  /** What it does, one a move. */
  readonly sentences: readonly string[];
}

/** Moves images into a folder, after it was said what that does. */
export function MoveDialog({ images, existing, context, onClose }: MoveDialogProps) {
  const [folder, setFolder] = useState('');
  const [planned, setPlanned] = useState<Planned>();
  const { isBusy, failure, run } = useAttempt();
  const { client } = context;
  const moves = planMoves(
    images.map(({ path }) => path),
    folder,
  );
  const collision = collisionOf(moves);

  const plan = () =>
    run(async () => {
      setPlanned(undefined);
      const sentences: string[] = [];
      for (const { path, to } of moves) {
        const dry = await change(client, 'rename', { image: path, to, dryRun: true });
        if (dry === undefined) return;
        sentences.push(dry.sentences.join(' '));
      }
      setPlanned({ moves, sentences });
    });
  const move = ({ moves: wanted }: Planned) =>
    run(async () => {
      // Those that have moved are no longer among what is left, should one fail.
      setPlanned(undefined);
      for (const { path, to } of wanted) {
        if ((await change(client, 'rename', { image: path, to })) === undefined) return;
        context.poll.refresh();
      }
      announce(`Moved: ${wanted.length === 1 ? wanted[0]?.to : `${wanted.length} images`}`);
      onClose();
    });
  return (
    <Dialog title="Move into a folder" onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (moves.length > 0 && collision === undefined) void plan();
        }}
      >
        <div class="dialog-body">
          <p>{amountText(images)}</p>
          <FolderField
            folder={folder}
            paths={existing.map(({ path }) => path)}
            isFirst
            onInput={(wanted) => {
              setFolder(wanted);
              setPlanned(undefined);
            }}
          />
          <div class="sentences-long" aria-live="polite">
            {moves.length === 0 && <p class="second">All of them are there.</p>}
            {collision !== undefined && (
              <p class="failure">Several of them would be {shownName(collision)}: move these one by one.</p>
            )}
            {planned?.sentences.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
          </div>
          <Failure text={failure} />
        </div>
        <DialogFoot leave="Cancel" onLeave={onClose}>
          {planned === undefined ? (
            <button
              type="submit"
              class="button"
              disabled={isBusy || moves.length === 0 || collision !== undefined}
            >
              Show what moves
            </button>
          ) : (
            <button
              type="button"
              class="button button-main"
              disabled={isBusy}
              onClick={() => void move(planned)}
            >
              Move
            </button>
          )}
        </DialogFoot>
      </form>
    </Dialog>
  );
}
