// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';

export interface ThingHeadProps {
  /** Of the headline, after which the card is called. */
  readonly id: string;
  readonly name: string;
  /** How it is: badges. */
  readonly children: ComponentChildren;
}

/** The head of a card: what it is about, and how that is. */
export function ThingHead({ id, name, children }: ThingHeadProps) {
  return (
    <header class="thing-head">
      <h3 id={id} class="path">
        <bdi>{name}</bdi>
      </h3>
      <span class="badges">{children}</span>
    </header>
  );
}
