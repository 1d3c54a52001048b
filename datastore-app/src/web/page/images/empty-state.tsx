// SPDX-License-Identifier: Apache-2.0
import { UploadIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { Command } from '../ui/command.tsx';

/** Tells how the first image gets here. */
export function EmptyState({ origin, onChoose }: { origin: string; onChoose: () => void }) {
  const curl = `curl -T disk.qcow2 -H "Authorization: Bearer TOKEN" ${origin}/disk.qcow2`;
  return (
    <section class="empty" aria-labelledby="empty-title">
      <h2 id="empty-title">No images yet</h2>
      <p>Add the first one in any of these ways. It is served at once, and hashed meanwhile.</p>
      <ul class="ways">
        <li>
          <h3>From this page</h3>
          <p>Drop files anywhere here, or choose them. Large files go on after a break.</p>
          <button type="button" class="button button-main" onClick={onChoose}>
            <UploadIcon />
            <span>Choose files</span>
          </button>
        </li>
        <li>
          <h3>With curl</h3>
          <p>
            From any machine that reaches this address; <code>datastore-app token</code> prints the token.
          </p>
          <Command text={curl} what="curl command" />
        </li>
        <li>
          <h3>From a folder</h3>
          <p>
            On the machine that runs the datastore, copy into its root folder; it is noticed within a second.
          </p>
          <Command text="datastore-app images add disk.qcow2" what="command to add an image" />
        </li>
      </ul>
    </section>
  );
}
