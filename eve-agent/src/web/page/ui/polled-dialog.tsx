// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Client } from '../api/client.ts';
import { Refused } from './refused.tsx';

export interface PolledDialogProps<T> {
  readonly client: Client;
  readonly title: string;
  /** What is shown, for who may not see it, such as `the history`. */
  readonly what: string;
  /** Of the API. */
  readonly path: string;
  readonly onClose: () => void;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows what the API has at a path, anew as long as it is open. */
export function PolledDialog<T>({ client, title, what, path, onClose, children }: PolledDialogProps<T>) {
  const [load] = useState(() => () => client.read<T>(path));
  const { value, failure } = usePolled(load);
  return (
    <Dialog title={title} isWide onClose={onClose}>
      <div class="dialog-body">
        {failure !== undefined && <Refused what={what} failure={failure} />}
        {value !== undefined && children(value)}
      </div>
    </Dialog>
  );
}
