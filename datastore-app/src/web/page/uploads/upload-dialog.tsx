// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useId, useState } from 'preact/hooks';
import { createCaseIndex } from '../../../images/case-twins.ts';
import type { Image } from '../api/answers.ts';
import type { ArchiveWish } from '../archives/archive-imports.ts';
import { isArchiveName } from '../archives/archive-name.ts';
import { FolderField } from '../ui/folder-field.tsx';
import { type ChosenFile, parseSha256, pathIn, type UploadPlan } from './upload-plan.ts';

export interface UploadDialogProps {
  readonly chosen: readonly ChosenFile[];
  readonly existing: readonly Image[];
  /** @param archives go into repositories, and are not kept as files */
  readonly onStart: (plans: readonly UploadPlan[], archives: readonly ArchiveWish[]) => void;
  readonly onClose: () => void;
}

/** Asks where to, and whether to replace what is there. */
export function UploadDialog({ chosen, existing, onStart, onClose }: UploadDialogProps) {
  const [folder, setFolder] = useState('');
  const [digestText, setDigestText] = useState('');
  /** Relative paths of the files whose namesakes may go. */
  const [replaced, setReplaced] = useState<ReadonlySet<string>>(new Set());
  /** Those of archives whose images go into repositories. */
  const [imported, setImported] = useState<ReadonlySet<string>>(new Set());
  const id = useId();

  const taken = new Set(existing.map(({ path }) => path));
  const cases = createCaseIndex((path) => taken.has(path));
  for (const path of taken) cases.add(path);
  const rows = chosen.map(({ file, relativePath }) => {
    const path = pathIn(folder, relativePath);
    const isTaken = taken.has(path);
    const twin = cases.twinOf(path);
    const isImported = imported.has(relativePath);
    const isFree = twin === undefined && (!isTaken || replaced.has(relativePath));
    return { file, relativePath, path, isTaken, twin, isImported, isWanted: isImported || isFree };
  });
  const wanted = rows.filter(({ isWanted }) => isWanted);
  const sha256 = chosen.length === 1 ? parseSha256(digestText) : undefined;
  const toggled = (chosenOnes: ReadonlySet<string>, relativePath: string) => {
    const next = new Set(chosenOnes);
    if (!next.delete(relativePath)) next.add(relativePath);
    return next;
  };
  const start = () => {
    if (wanted.length === 0 || sha256 === null) return;
    const kept = wanted.filter(({ isImported }) => !isImported);
    onStart(
      kept.map(({ file, path, isTaken }) => ({ file, path, isReplacing: isTaken, sha256 })),
      wanted.filter(({ isImported }) => isImported).map(({ file }) => ({ file, as: undefined, sha256 })),
    );
  };
  const totalBytes = wanted.reduce((sum, { file }) => sum + file.size, 0);
  return (
    <Dialog title={chosen.length === 1 ? 'Upload a file' : `Upload ${chosen.length} files`} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <div class="dialog-body">
          <FolderField folder={folder} paths={[...taken]} onInput={setFolder} />
          <ul class="chosen">
            {rows.map(({ file, relativePath, path, isTaken, twin, isImported }, index) => (
              <li key={relativePath}>
                <bdi class="path">{shownName(path)}</bdi>
                <span class="second">{sizeText(file.size)}</span>
                {isArchiveName(relativePath) && (
                  <label class="check">
                    <input
                      type="checkbox"
                      checked={isImported}
                      onChange={() => setImported(toggled(imported, relativePath))}
                    />
                    <span>
                      Import this archive: its container images go into repositories, and the file is not kept
                      <span class="visually-hidden">: {path}</span>
                    </span>
                  </label>
                )}
                {twin !== undefined && !isImported && (
                  <p class="failure">
                    {shownName(twin)} is there already, and differs in upper and lower case alone: give the
                    file another name, or that one.
                  </p>
                )}
                {isTaken && !isImported && (
                  <label class="check check-warning">
                    <input
                      type="checkbox"
                      checked={replaced.has(relativePath)}
                      autofocus={wanted.length === 0 && index === 0}
                      onChange={() => setReplaced(toggled(replaced, relativePath))}
                    />
                    <span>
                      An image of this name exists. Replace it
                      <span class="visually-hidden">: {path}</span>
                    </span>
                  </label>
                )}
              </li>
            ))}
          </ul>
          {chosen.length === 1 && (
            <label class="field">
              <span>Expected sha256 (optional: what arrives is checked against it)</span>
              <input
                value={digestText}
                spellcheck={false}
                autocomplete="off"
                aria-invalid={sha256 === null}
                aria-errormessage={sha256 === null ? `${id}-digest` : undefined}
                onInput={(event) => setDigestText(event.currentTarget.value)}
              />
            </label>
          )}
          {sha256 === null && (
            <p class="failure" id={`${id}-digest`} role="alert">
              A sha256 has 64 hexadecimal digits.
            </p>
          )}
        </div>
        <DialogFoot
          leave="Cancel"
          onLeave={onClose}
          note={
            wanted.length < rows.length
              ? `${wanted.length} of ${rows.length} will be uploaded`
              : sizeText(totalBytes)
          }
        >
          <button
            type="submit"
            class="button button-main"
            autofocus={wanted.length > 0}
            disabled={wanted.length === 0 || sha256 === null}
          >
            Upload
          </button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
