// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';

export interface DialogFootProps {
  /** The words of the button that changes nothing. */
  readonly leave: string;
  readonly onLeave: () => void;
  /** Whether the focus begins there: Enter then leaves everything as it is. */
  readonly isLeaveFirst?: boolean;
  /** What it comes to, at the other end. */
  readonly note?: string;
  /** The buttons that do something. */
  readonly children?: ComponentChildren;
}

/** The buttons of a dialog: first the one that changes nothing, then what is done. */
export function DialogFoot({ leave, onLeave, isLeaveFirst = false, note, children }: DialogFootProps) {
  return (
    <div class="dialog-foot">
      {note !== undefined && <span class="second">{note}</span>}
      <button type="button" class="button" autofocus={isLeaveFirst} onClick={onLeave}>
        {leave}
      </button>
      {children}
    </div>
  );
}
