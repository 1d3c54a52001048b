// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks';
import { announce } from './announce.ts';
import { copyText } from './copy-text.ts';
import { CheckIcon, CopyIcon } from './icons.tsx';

const SHOWN_MS = 1600;

export interface CopyButtonProps {
  readonly text: string;
  /** What is copied, such as `sha256`. */
  readonly what: string;
  /** The words beside the icon; absent: the icon alone. */
  readonly label?: string;
}

export function CopyButton({ text, what, label }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async (button: HTMLButtonElement) => {
    const isCopied = await copyText(text, button);
    announce(isCopied ? `${what} copied` : 'The browser did not let the page copy');
    setOutcome(isCopied ? 'copied' : 'failed');
  };
  const words = { copied: 'Copied', failed: 'Not copied' };
  return (
    <button
      type="button"
      class={label !== undefined ? 'button' : 'button-icon'}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={(event) => void copy(event.currentTarget)}
    >
      {outcome === 'copied' ? <CheckIcon /> : <CopyIcon />}
      {label !== undefined && <span>{outcome === undefined ? label : words[outcome]}</span>}
    </button>
  );
}
