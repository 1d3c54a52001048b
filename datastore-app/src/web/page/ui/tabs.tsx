// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

export interface Tab {
  readonly label: string;
  readonly content: ComponentChildren;
}

/** Tabs as WAI-ARIA's pattern has them: arrow keys move between them, and the chosen one is shown at once. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState(0);
  const id = useId();
  const buttons = useRef<(HTMLButtonElement | null)[]>([]);
  const moveTo = (index: number) => {
    const next = (index + tabs.length) % tabs.length;
    setChosen(next);
    buttons.current[next]?.focus();
  };
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'ArrowRight') moveTo(chosen + 1);
    if (key === 'ArrowLeft') moveTo(chosen - 1);
    if (key === 'Home') moveTo(0);
    if (key === 'End') moveTo(tabs.length - 1);
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={label} class="tab-list" onKeyDown={onKeyDown}>
        {tabs.map((tab, index) => (
          <button
            key={tab.label}
            ref={(button) => {
              buttons.current[index] = button;
            }}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            aria-controls={`${id}-panel`}
            aria-selected={index === chosen}
            tabIndex={index === chosen ? 0 : -1}
            onClick={() => setChosen(index)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-tab-${chosen}`} class="tab-panel">
        {tabs[chosen]?.content}
      </div>
    </div>
  );
}
