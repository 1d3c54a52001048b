// SPDX-License-Identifier: Apache-2.0
import { DeleteIcon, ManageIcon } from '@local-datastore/shared/page/ui/icons.tsx';

export interface RowButtonProps {
  /** Of what stands in the row. */
  readonly name: string;
  readonly onClick: () => void;
}

export function UseInEveButton({ name, onClick }: RowButtonProps) {
  return (
    <button type="button" class="button button-small" aria-label={`Use in EVE: ${name}`} onClick={onClick}>
      <span>
        <span class="words">Use in </span>EVE
      </span>
    </button>
  );
}

export function ManageButton({ name, onClick }: RowButtonProps) {
  return (
    <button type="button" class="button-icon" aria-label={`Manage ${name}`} title="Manage" onClick={onClick}>
      <ManageIcon />
    </button>
  );
}

export function DeleteButton({ name, onClick }: RowButtonProps) {
  return (
    <button
      type="button"
      class="button-icon button-danger"
      aria-label={`Delete ${name}`}
      title="Delete"
      onClick={onClick}
    >
      <DeleteIcon />
    </button>
  );
}
