// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import { change } from '../operations/operations-client.ts';

/**
 * Another name for an image, where its name stands: Enter takes it, Escape keeps the old one. What else would change
 * with the name is said before it does.
 */
export function RenameField({
  path,
  context,
  onEnd,
}: {
  path: string;
  context: PageContext;
  onEnd: () => void;
}) {
  const [to, setTo] = useState(path);
  /** What else changes, and with which name. */
  const [consequences, setConsequences] = useState<{
    readonly to: string;
    readonly sentences: readonly string[];
  }>();
  const { isBusy, failure, run } = useAttempt();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // The name alone, without folder and ending, is what is changed most.
    const start = path.lastIndexOf('/') + 1;
    const dot = path.indexOf('.', start + 1);
    field.current?.focus();
    field.current?.setSelectionRange(start, dot === -1 ? path.length : dot);
  }, []);
  const rename = () =>
    run(async () => {
      if (to === path) return onEnd();
      if (consequences?.to !== to) {
        const planned = await change(context.client, 'rename', { image: path, to, dryRun: true });
        if (planned === undefined) return;
        // The first says what is asked for.
        const [, ...sentences] = planned.sentences;
        setConsequences({ to, sentences });
        if (sentences.length > 0) return;
      }
      if ((await change(context.client, 'rename', { image: path, to })) === undefined) return;
      announce(`${path} is ${to} now`);
      context.poll.refresh();
      onEnd();
    });
  const isToldMore = consequences?.to === to && consequences.sentences.length > 0;
  return (
    <form
      class="rename-form"
      onSubmit={(event) => {
        event.preventDefault();
        void rename();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onEnd();
      }}
    >
      <input
        ref={field}
        type="text"
        aria-label={`New name of ${path}`}
        value={to}
        spellcheck={false}
        autocapitalize="off"
        onInput={(event) => setTo(event.currentTarget.value)}
      />
      <button type="submit" class="button button-small" disabled={isBusy || to === ''}>
        {isToldMore ? 'Rename all the same' : 'Rename'}
      </button>
      <button type="button" class="button button-small button-quiet" onClick={onEnd}>
        Cancel
      </button>
      <div aria-live="polite">
        {isToldMore && consequences.sentences.map((sentence) => <p key={sentence}>{sentence}</p>)}
      </div>
      <Failure text={failure} />
    </form>
  );
}
