// SPDX-License-Identifier: Apache-2.0
import { useId } from 'preact/hooks';
import { foldersOf } from '../uploads/upload-plan.ts';

export interface FolderFieldProps {
  readonly folder: string;
  /** Paths of images: their folders are proposed. */
  readonly paths: readonly string[];
  /** Whether the focus begins there. */
  readonly isFirst?: boolean;
  readonly onInput: (folder: string) => void;
}

/** Asks for a folder, of those that there are or another. */
export function FolderField({ folder, paths, isFirst = false, onInput }: FolderFieldProps) {
  const id = useId();
  return (
    <label class="field">
      <span>Folder (empty: the root)</span>
      <input
        value={folder}
        list={id}
        placeholder="linux/base"
        spellcheck={false}
        autocomplete="off"
        autofocus={isFirst}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
      <datalist id={id}>
        {foldersOf(paths).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}
