// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useId, useState } from 'preact/hooks';
import { startImport } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { importWish } from './import-wish.ts';

export interface RegistryImportFormProps {
  readonly context: PageContext;
  readonly onClose: () => void;
  readonly onStarted: () => void;
}

const FIELDS = [
  { name: 'source', label: 'Image', placeholder: 'registry.example/lab/app:1.2' },
  { name: 'name', label: 'Name here (empty: as it is called there)', placeholder: 'lab/app:1.2' },
  { name: 'platforms', label: 'Platforms (empty: all)', placeholder: 'linux/amd64, linux/arm64' },
] as const;

/** Asks which image of another registry is to be imported. */
export function RegistryImportForm({ context, onClose, onStarted }: RegistryImportFormProps) {
  const [fields, setFields] = useState({ source: '', name: '', platforms: '', isInsecure: false });
  const { isBusy, failure, run } = useAttempt();
  const id = useId();
  const start = () =>
    run(async () => {
      if (!(await startImport(context.client, importWish(fields)))) return;
      announce('The import has begun');
      onStarted();
      onClose();
    });
  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <div class="dialog-body">
        <p id={`${id}-hint`}>
          The datastore fetches it from the other registry, with its signatures, and keeps it. What is here
          already does not come again.
        </p>
        {FIELDS.map(({ name, label, placeholder }) => (
          <label key={name} class="field">
            <span>{label}</span>
            <input
              value={fields[name]}
              placeholder={placeholder}
              required={name === 'source'}
              autofocus={name === 'source'}
              aria-describedby={name === 'source' ? `${id}-hint` : undefined}
              spellcheck={false}
              autocapitalize="none"
              autocomplete="off"
              onInput={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
        <label class="check">
          <input
            type="checkbox"
            checked={fields.isInsecure}
            onChange={(event) => setFields({ ...fields, isInsecure: event.currentTarget.checked })}
          />
          <span>The registry speaks http, not https</span>
        </label>
        <Failure text={failure} />
      </div>
      <DialogFoot leave="Cancel" onLeave={onClose}>
        <button type="submit" class="button button-main" disabled={isBusy || fields.source.trim() === ''}>
          Import
        </button>
      </DialogFoot>
    </form>
  );
}
