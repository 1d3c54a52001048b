// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { ageText } from '../text/quantities.ts';

export function Card({
  title,
  isWide = false,
  children,
}: {
  title: string;
  isWide?: boolean;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={isWide ? 'card card-wide' : 'card'} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

export function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What is wider than a narrow screen scrolls, also by keyboard. */
function Scrollable({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** A column of numbers has them below each other, to be compared. */
export type Column = string | { readonly title: string; readonly isNumber: true };

/** One row a thing; the first column says which. */
export function PlainTable({
  label,
  caption,
  columns,
  children,
}: {
  label: string;
  caption: string;
  columns: readonly Column[];
  children: ComponentChildren;
}) {
  return (
    <Scrollable label={label}>
      <table class="plain">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const { title, isNumber } =
                typeof column === 'string' ? { title: column, isNumber: false } : column;
              return (
                <th key={title} scope="col" class={isNumber ? 'number' : undefined}>
                  {title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scrollable>
  );
}

export function Age({ at }: { at: string }) {
  return <time dateTime={at}>{ageText(at, Date.now())}</time>;
}
