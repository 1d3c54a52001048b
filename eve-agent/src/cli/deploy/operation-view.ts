// SPDX-License-Identifier: Apache-2.0
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { type Output, RateMeter } from '../progress.ts';
import type { OperationLine } from './operation-lines.ts';

/** Shows how an operation goes. */
export interface OperationView {
  sent(sentBytes: number): void;
  line(line: OperationLine): void;
  /** Leaves the terminal in order. */
  stop(): void;
}

const REFRESH_MS = 200;

/** What a line means, as a sentence; null for what the result tells. */
export function describeLine(line: OperationLine): string | null {
  switch (line.event) {
    case 'loaded':
      return `${line.image}: checked and loaded, ${sizeText(line.sizeBytes)}`;
    case 'step':
      return line.step;
    case 'begun':
    case 'received':
    case 'done':
    case 'failed':
      return null;
  }
}

/**
 * Sentences; on a terminal how much was sent, too, in a line that is written over.
 *
 * @param totalBytes null: nobody knows
 */
export function createOperationView(
  stderr: Output & { readonly isTTY?: boolean },
  totalBytes: number | null,
  nowMs: () => number,
): OperationView {
  const meter = new RateMeter();
  let shownMs = Number.NEGATIVE_INFINITY;
  let isShown = false;
  const clear = () => {
    if (isShown) stderr.write('\r\x1b[K');
    isShown = false;
  };
  return {
    sent(sentBytes) {
      if (stderr.isTTY !== true) return;
      const now = nowMs();
      meter.add(sentBytes, now);
      if (now - shownMs < REFRESH_MS && sentBytes !== totalBytes) return;
      shownMs = now;
      const of = totalBytes === null ? '' : ` of ${sizeText(totalBytes)}`;
      stderr.write(
        `\r\x1b[Ksent ${sizeText(sentBytes)}${of}  ${sizeText(Math.round(meter.bytesPerSecond()))}/s`,
      );
      isShown = true;
    },
    line(line) {
      const sentence = describeLine(line);
      if (sentence === null) return;
      clear();
      stderr.write(`${terminalText(sentence)}\n`);
    },
    stop: clear,
  };
}
