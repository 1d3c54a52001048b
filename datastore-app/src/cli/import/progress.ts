// SPDX-License-Identifier: Apache-2.0
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { CommandContext } from '../command-context.ts';
import type { ProgressLine } from './progress-line.ts';

/** Shows how far something is that takes a while. */
export interface Progress {
  /** Hands content on, and shows how much of it has passed. @param totalBytes undefined: nobody knows */
  watch(
    name: string,
    content: AsyncIterable<Uint8Array>,
    totalBytes: number | undefined,
  ): AsyncGenerator<Uint8Array>;
}

const TERMINAL_MS = 200;
const JSON_MS = 1000;
const CLEAR_LINE = '\r\u001b[K';

const shareOf = (bytes: number, totalBytes: number) =>
  totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100);

/** The line of a terminal. */
export function progressLine(
  name: string,
  bytes: number,
  totalBytes: number | undefined,
  columns: number,
): string {
  const figures =
    totalBytes === undefined
      ? sizeText(bytes)
      : `${shareOf(bytes, totalBytes)} %  ${sizeText(bytes)} of ${sizeText(totalBytes)}`;
  const room = Math.max(0, columns - figures.length - 3);
  return `${printableText(name).slice(0, room)}  ${figures}`;
}

/** @param isJson whether programs read what is shown: then each second a line of JSON */
export function createProgress(
  { terminal, stderr }: Pick<CommandContext, 'terminal' | 'stderr'>,
  isJson: boolean,
): Progress {
  return {
    async *watch(name, content, totalBytes) {
      let bytes = 0;
      const show = () => {
        if (isJson) {
          const line: ProgressLine = {
            event: 'progress',
            source: name,
            sentBytes: bytes,
            totalBytes: totalBytes ?? null,
          };
          stderr.write(jsonLine(line));
        } else if (terminal !== undefined) {
          terminal.write(`${CLEAR_LINE}${progressLine(name, bytes, totalBytes, terminal.columns)}`);
        }
      };
      const timer = setInterval(show, isJson ? JSON_MS : TERMINAL_MS);
      try {
        for await (const piece of content) {
          bytes += piece.length;
          yield piece;
        }
      } finally {
        clearInterval(timer);
        if (!isJson) terminal?.write(CLEAR_LINE);
      }
    },
  };
}
