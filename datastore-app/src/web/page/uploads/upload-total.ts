// SPDX-License-Identifier: Apache-2.0
import { durationText } from '@local-datastore/shared/page/text/quantities';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { Upload, UploadState } from './uploads.ts';

/** Nothing more comes of these without somebody's help. */
const GIVEN_UP: readonly UploadState[] = ['failed', 'exists'];

/** Several uploads taken together. */
export interface UploadTotal {
  readonly sentBytes: number;
  readonly sizeBytes: number;
  /** undefined: nothing moves, or it is too early to tell. */
  readonly bytesPerSecond: number | undefined;
}

/** What is uploaded, as one; undefined: all of it is done, or given up. */
export function totalOf(uploads: readonly Upload[]): UploadTotal | undefined {
  const wanted = uploads.filter(({ state }) => !GIVEN_UP.includes(state));
  if (wanted.every(({ state }) => state === 'done')) return undefined;
  const sum = (of: (upload: Upload) => number) => wanted.reduce((total, upload) => total + of(upload), 0);
  const rate = sum(({ bytesPerSecond }) => bytesPerSecond ?? 0);
  return {
    sentBytes: sum(({ sentBytes }) => sentBytes),
    sizeBytes: sum(({ sizeBytes }) => sizeBytes),
    bytesPerSecond: rate > 0 ? rate : undefined,
  };
}

/** `1.5 GiB of 3 GiB · 20 MiB/s · 2 min left` */
export function progressText({ sentBytes, sizeBytes, bytesPerSecond }: UploadTotal): string {
  const amount = `${sizeText(sentBytes)} of ${sizeText(sizeBytes)}`;
  if (bytesPerSecond === undefined || bytesPerSecond === 0) return amount;
  const left = durationText((sizeBytes - sentBytes) / bytesPerSecond);
  return `${amount} · ${sizeText(bytesPerSecond)}/s · ${left} left`;
}
