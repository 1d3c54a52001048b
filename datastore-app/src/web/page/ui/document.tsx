// SPDX-License-Identifier: Apache-2.0
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';

/** A text of many lines, to be read and copied. */
export function Document({ text, what, hint }: { text: string; what: string; hint: string }) {
  return (
    <>
      <p class="second">{hint}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="document" tabIndex={0} aria-label={what}>
        <pre>{text}</pre>
      </section>
      <CopyButton text={text} what={what} label="Copy" />
    </>
  );
}
