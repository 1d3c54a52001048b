// SPDX-License-Identifier: Apache-2.0
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';

/** Lines for a terminal, to be copied. */
export function Command({ text, what }: { text: string; what: string }) {
  return (
    <div class="command">
      <pre>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
