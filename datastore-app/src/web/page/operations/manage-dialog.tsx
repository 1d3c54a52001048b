// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import {
  type Change,
  change,
  createVersion,
  type Validation,
  validate,
  type Wish,
} from './operations-client.ts';

export interface ManageDialogProps {
  /** As operations call it: a path, or `oci:lab/app:1.2`. */
  readonly image: string;
  /** As it is shown. */
  readonly name: string;
  /** What its name is now, where it begins to be changed: a path, a tag, a repository. */
  readonly ownName: string;
  readonly nameLabel: string;
  /** undefined: it is not released as a whole. */
  readonly isReleased: boolean | undefined;
  /** Of a repository: it can be removed with everything in it. */
  readonly canPurge: boolean;
  /** Of a tag: the image that can become the next version of its repository. */
  readonly versionOf?: { readonly repository: string; readonly digest: string } | undefined;
  readonly context: PageContext;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

function Found({ validation }: { validation: Validation }) {
  const { checks, checkedBytes, defects } = validation;
  return (
    <>
      <p>
        {sizeText(checkedBytes)} read ({checks.join(', ')}):{' '}
        <strong>{defects.length === 0 ? 'sound' : `${defects.length} wrong`}</strong>
      </p>
      {defects.length > 0 && (
        <ul>
          {defects.map(({ message }) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** A change that is first run dry: what it would do stands there before the button that does it. */
interface Planned {
  readonly operation: 'rename' | 'purge';
  readonly wish: Wish;
  readonly label: string;
  readonly sentences: readonly string[];
}

/** Validates an image, releases it, gives it another name, or removes a repository. */
export function ManageDialog(props: ManageDialogProps) {
  const { image, name, ownName, nameLabel, isReleased, canPurge, versionOf, context, onChange, onClose } =
    props;
  const { client } = context;
  const [to, setTo] = useState(ownName);
  const [planned, setPlanned] = useState<Planned>();
  const [validation, setValidation] = useState<Validation>();
  const { isBusy, failure, run: attempt } = useAttempt();
  const [busyWith, setBusyWith] = useState<string>();

  const run = (what: string, work: () => Promise<void>) => () => {
    setBusyWith(what);
    return attempt(work);
  };
  const finish = (done: Change | undefined) => {
    if (done?.isDone !== true) return;
    announce(done.sentences.join(' '));
    onChange();
    onClose();
  };
  const plan = (operation: Planned['operation'], label: string, wish: Wish) =>
    run('plan', async () => {
      setPlanned(undefined);
      const dry = await change(client, operation, { ...wish, dryRun: true });
      if (dry !== undefined) setPlanned({ operation, label, wish, sentences: dry.sentences });
    });
  return (
    <Dialog title="Manage" onClose={onClose}>
      <div class="dialog-body">
        <p>
          <strong class="path">
            <bdi>{name}</bdi>
          </strong>
        </p>
        <div class="manage-row">
          <button
            type="button"
            class="button"
            disabled={isBusy}
            onClick={() =>
              void run('validate', async () => {
                setValidation(undefined);
                setValidation(await validate(client, image));
              })()
            }
          >
            Validate
          </button>
          {isReleased !== undefined && (
            <button
              type="button"
              class="button"
              disabled={isBusy}
              onClick={() =>
                void run('release', async () =>
                  finish(await change(client, 'release', { image, ...(isReleased && { undo: true }) })),
                )()
              }
            >
              {isReleased ? 'Let it go' : 'Release'}
            </button>
          )}
          {versionOf !== undefined && (
            <button
              type="button"
              class="button"
              title="Its tags are the next number, and latest."
              disabled={isBusy}
              onClick={() =>
                void run('version', async () => {
                  const version = await createVersion(client, versionOf);
                  if (version === undefined) return;
                  announce(`${name} is version ${version}, and latest`);
                  onChange();
                  onClose();
                })()
              }
            >
              Make it the next version
            </button>
          )}
          {canPurge && (
            <button
              type="button"
              class="button"
              disabled={isBusy}
              onClick={() => void plan('purge', 'Remove the repository', { image })()}
            >
              Remove…
            </button>
          )}
        </div>
        {isReleased !== undefined && (
          <p class="second">
            {isReleased
              ? 'It is released: nobody replaces, renames or deletes it.'
              : 'What is released is not replaced, renamed or deleted until it is let go.'}
          </p>
        )}
        <form
          class="manage-row"
          onSubmit={(event) => {
            event.preventDefault();
            void plan('rename', 'Rename', { image, to })();
          }}
        >
          <label class="field">
            <span>{nameLabel}</span>
            <input
              type="text"
              value={to}
              spellcheck={false}
              autocapitalize="off"
              onInput={(event) => {
                setTo(event.currentTarget.value);
                setPlanned(undefined);
              }}
            />
          </label>
          <button type="submit" class="button" disabled={isBusy || to === ownName || to === ''}>
            Rename…
          </button>
        </form>
        <div aria-live="polite">
          {isBusy && busyWith === 'validate' && (
            <p>It is being read: this lasts as long as reading all of it does.</p>
          )}
          {validation !== undefined && <Found validation={validation} />}
          {planned?.sentences.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
        <Failure text={failure} />
      </div>
      <DialogFoot leave="Close" onLeave={onClose}>
        {planned !== undefined && (
          <button
            type="button"
            class={planned.operation === 'purge' ? 'button button-danger-main' : 'button button-main'}
            disabled={isBusy}
            onClick={() =>
              void run('change', async () => finish(await change(client, planned.operation, planned.wish)))()
            }
          >
            {planned.label}
          </button>
        )}
      </DialogFoot>
    </Dialog>
  );
}
