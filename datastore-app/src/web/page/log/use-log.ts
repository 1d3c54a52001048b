// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { useStore } from '@local-datastore/shared/page/store';
import { useEffect, useState } from 'preact/hooks';
import type { Access } from '../access/access.ts';
import { followLog } from './follow-log.ts';
import { type LogLine, withLines } from './log-list.ts';

export interface FollowedLog {
  readonly lines: readonly LogLine[];
  /** Why nothing comes at present. */
  readonly failure: string | undefined;
  /** Somebody has to give the write token first. */
  readonly isClosed: boolean;
}

const RETRY_MS = 3000;

/** The log, as long as the component is there and the write token is known. */
export function useLog(access: Access): FollowedLog {
  const hasWriteToken = useStore(access.hasWriteToken);
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    const token = access.writeToken();
    if (token === undefined) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      let isFirst = true;
      const take = (more: readonly LogLine[]) => {
        // Every stream begins with all that is kept.
        const isAnew = isFirst;
        isFirst = false;
        setFailure(undefined);
        setLines((before) => withLines(isAnew ? [] : before, more));
      };
      try {
        await followLog(token, take, ending.signal);
        setFailure('The datastore has ended the log.');
      } catch (error) {
        if (ending.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) {
          access.refuseWriteToken(token);
          return;
        }
        setFailure(error instanceof Error ? error.message : String(error));
      }
      if (!ending.signal.aborted) timer = setTimeout(() => void run(), RETRY_MS);
    };
    void run();
    return () => {
      ending.abort();
      clearTimeout(timer);
      // Who has forgotten the token does not go on seeing what it opened.
      setLines([]);
      setFailure(undefined);
    };
  }, [access, hasWriteToken]);
  return { lines, failure, isClosed: !hasWriteToken };
}
