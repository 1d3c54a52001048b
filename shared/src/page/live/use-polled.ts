// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api-error.ts';

export interface Polled<T> {
  /** What was read last; undefined: nothing yet, or it may not be read any more. */
  readonly value: T | undefined;
  /** Why it could not be read the last time. */
  readonly failure: ApiError | undefined;
  /** Looks now. */
  refresh(): void;
}

const INTERVAL_MS = 3000;
/** Where a person watches how far something is. */
const MOVING_MS = 1000;

/**
 * What is read again every few seconds, as long as the page is seen and the component is there.
 *
 * @param load the same function as long as the same is read
 * @param isMoving whether what was read will soon be another; the same function always
 */
export function usePolled<T>(load: () => Promise<T>, isMoving?: (value: T) => boolean): Polled<T> {
  const [state, setState] = useState<Pick<Polled<T>, 'value' | 'failure'>>({
    value: undefined,
    failure: undefined,
  });
  const [round, setRound] = useState(0);
  // Another round begins at once.
  useEffect(() => {
    let isWanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let intervalMs = INTERVAL_MS;
    const look = async () => {
      if (!document.hidden) {
        try {
          const value = await load();
          if (isWanted) setState({ value, failure: undefined });
          intervalMs = isMoving?.(value) === true ? MOVING_MS : INTERVAL_MS;
        } catch (error) {
          const failure = error instanceof ApiError ? error : new ApiError(String(error), 0);
          // Who may not read does not go on seeing what was there before.
          const isRefused = failure.status >= 400 && failure.status < 500;
          if (isWanted) setState(({ value }) => ({ value: isRefused ? undefined : value, failure }));
        }
      }
      if (isWanted) timer = setTimeout(() => void look(), intervalMs);
    };
    void look();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [load, isMoving, round]);
  return { ...state, refresh: useCallback(() => setRound((count) => count + 1), []) };
}
