// SPDX-License-Identifier: Apache-2.0
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { useState } from 'preact/hooks';
import { ArchiveForm } from '../archives/archive-form.tsx';
import type { PageContext } from '../context.ts';
import type { ChosenFile } from '../uploads/upload-plan.ts';
import { RegistryImportForm } from './registry-import-form.tsx';

export interface ImportDialogProps {
  readonly context: PageContext;
  /** What was dropped on the page; none: the person says from where. */
  readonly dropped: readonly ChosenFile[];
  readonly onClose: () => void;
  /** An import from another registry was begun. */
  readonly onStarted: () => void;
}

const SOURCES = [
  { source: 'registry', label: 'From another registry' },
  { source: 'files', label: 'From archives in files' },
] as const;

/** Asks what is to be imported, and from where. */
export function ImportDialog({ context, dropped, onClose, onStarted }: ImportDialogProps) {
  const [source, setSource] = useState<(typeof SOURCES)[number]['source']>(
    dropped.length > 0 ? 'files' : 'registry',
  );
  return (
    <Dialog title="Import images" onClose={onClose}>
      <div class="dialog-body import-source-choice">
        <fieldset class="choice choice-many">
          <legend class="visually-hidden">From where</legend>
          {SOURCES.map((choice) => (
            <label key={choice.source}>
              <input
                type="radio"
                name="source"
                checked={source === choice.source}
                onChange={() => setSource(choice.source)}
              />
              <span>{choice.label}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {source === 'registry' ? (
        <RegistryImportForm context={context} onClose={onClose} onStarted={onStarted} />
      ) : (
        <ArchiveForm context={context} dropped={dropped} onClose={onClose} />
      )}
    </Dialog>
  );
}
