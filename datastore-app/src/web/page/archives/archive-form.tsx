// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useId, useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import { chosenFiles } from '../uploads/dropped-files.ts';
import type { ChosenFile } from '../uploads/upload-plan.ts';
import { isArchiveName } from './archive-name.ts';

export interface ArchiveFormProps {
  readonly context: PageContext;
  /** What was dropped on the page. */
  readonly dropped: readonly ChosenFile[];
  readonly onClose: () => void;
}

/** Asks which archives are to be imported, and how their images are to be called. */
export function ArchiveForm({ context, dropped, onClose }: ArchiveFormProps) {
  const [chosen, setChosen] = useState(dropped);
  const [name, setName] = useState('');
  const id = useId();
  const start = () => {
    if (chosen.length === 0) return;
    const as = name.trim() === '' ? undefined : name.trim();
    void context.archiveImports.add(chosen.map(({ file }) => ({ file, as })));
    onClose();
  };
  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <div class="dialog-body">
        <p id={`${id}-hint`}>
          What docker save, podman save or skopeo wrote, plain or compressed (gzip, zstd). Its images go into
          repositories while it comes; the file itself is not kept, and layers that are here are not stored
          again.
        </p>
        <label class="field">
          <span>Archives</span>
          <input
            type="file"
            multiple
            autofocus={chosen.length === 0}
            aria-label="Archives to import"
            aria-describedby={`${id}-hint`}
            onChange={({ currentTarget }) => setChosen(chosenFiles(currentTarget.files))}
          />
        </label>
        {chosen.length > 0 && (
          <ul class="chosen">
            {chosen.map(({ file, relativePath }) => (
              <li key={relativePath}>
                <bdi class="path">{shownName(relativePath)}</bdi>
                <span class="second">{sizeText(file.size)}</span>
                {!isArchiveName(relativePath) && (
                  <span class="second">Its name is not that of an archive: what is none is refused.</span>
                )}
              </li>
            ))}
          </ul>
        )}
        <label class="field">
          <span>Name here (empty: as the archive calls them)</span>
          <input
            value={name}
            placeholder="lab/app:1.2, or lab/app with the tags of the archive"
            spellcheck={false}
            autocapitalize="none"
            autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      </div>
      <DialogFoot leave="Cancel" onLeave={onClose}>
        <button type="submit" class="button button-main" disabled={chosen.length === 0}>
          Import
        </button>
      </DialogFoot>
    </form>
  );
}
