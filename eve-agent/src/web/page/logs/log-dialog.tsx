// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LogLine } from '../api/answers.ts';
import type { Client } from '../api/client.ts';
import { plainLine } from './plain-line.ts';

/** The oldest are forgotten. */
const MAX_LINES = 2000;
/** Of those that are there already. */
const TAIL = 500;

/** A line with its place: lines may be alike. */
interface NumberedLine extends LogLine {
  readonly number: number;
}

function useLines(client: Client, path: string, isFollowed: boolean) {
  const [lines, setLines] = useState<readonly NumberedLine[]>([]);
  const [state, setState] = useState<{ readonly hasEnded: boolean; readonly failure?: string }>({
    hasEnded: false,
  });
  useEffect(() => {
    const ending = new AbortController();
    let number = 0;
    setLines([]);
    setState({ hasEnded: false });
    const take = (more: readonly LogLine[]) => {
      const numbered = more.map((line) => {
        number += 1;
        return { ...line, number };
      });
      setLines((before) => [...before, ...numbered].slice(-MAX_LINES));
    };
    client
      .followLog(`${path}?tail=${TAIL}&timestamps=true&follow=${isFollowed}`, take, ending.signal)
      .then(() => setState({ hasEnded: true }))
      .catch((error: unknown) => {
        if (ending.signal.aborted) return;
        setState({ hasEnded: true, failure: error instanceof ApiError ? error.message : String(error) });
      });
    return () => ending.abort();
  }, [client, path, isFollowed]);
  return { lines, ...state };
}

export interface LogDialogProps {
  readonly client: Client;
  readonly title: string;
  /** Of the API, without a query. */
  readonly path: string;
  readonly onClose: () => void;
}

/** Lines that a container or a VM wrote, as they come. */
export function LogDialog({ client, title, path, onClose }: LogDialogProps) {
  const [isFollowed, setIsFollowed] = useState(true);
  const { lines, hasEnded, failure } = useLines(client, path, isFollowed);
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isFollowed) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [lines.at(-1)?.number, isFollowed]);
  return (
    <Dialog title={title} isWide onClose={onClose}>
      <div class="dialog-body">
        <label class="check">
          <input
            type="checkbox"
            checked={isFollowed}
            onChange={({ currentTarget }) => setIsFollowed(currentTarget.checked)}
          />
          <span>Follow</span>
        </label>
        <Failure text={failure} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section ref={box} class="lines" tabIndex={0} aria-label="Lines of the log">
          {lines.length === 0 && failure === undefined && (
            <p class="second">{hasEnded ? 'It has written nothing.' : 'No line has come yet.'}</p>
          )}
          <ol>
            {lines.map(({ number, at, stream, text }) => (
              <li key={number} class={stream === 'stderr' ? 'line line-error' : 'line'}>
                {at !== null && (
                  <time dateTime={at} title={at}>
                    {new Date(at).toLocaleTimeString('en-GB')}
                  </time>
                )}
                <bdi>{plainLine(text)}</bdi>
              </li>
            ))}
          </ol>
        </section>
        {isFollowed && hasEnded && failure === undefined && lines.length > 0 && (
          <p class="second">The log has ended.</p>
        )}
      </div>
    </Dialog>
  );
}
