// SPDX-License-Identifier: Apache-2.0
import type { DownloadEvent, DownloadObserver } from '../transfer/download-request.ts';

/** Makes one story of the downloads of all blobs of an image. */
export class ImageProgress {
  readonly #observer: DownloadObserver;
  readonly #presentBytes: number;
  readonly #totalBytes: number;
  readonly #bytesOf = new Map<string, number>();
  #sum = 0;
  #place: string | undefined;
  /** Whether what comes is to be told of anew: at first, and after something else was told. */
  #isInterrupted = true;

  /** @param presentBytes what of the image is here already */
  constructor(observer: DownloadObserver, presentBytes: number, totalBytes: number) {
    this.#observer = observer;
    this.#presentBytes = presentBytes;
    this.#totalBytes = totalBytes;
  }

  takeBytes(blob: string, receivedBytes: number): void {
    this.#sum += receivedBytes - (this.#bytesOf.get(blob) ?? 0);
    this.#bytesOf.set(blob, receivedBytes);
    this.#observer.onProgress(this.#presentBytes + this.#sum);
  }

  takeEvent(blob: string, event: DownloadEvent): void {
    switch (event.kind) {
      case 'located': {
        // Each blob is asked for at the same place, until it changes.
        const { origin } = event;
        const place = `${origin.url.origin} ${origin.address} ${origin.sourceAddress}`;
        if (place === this.#place) return;
        this.#place = place;
        break;
      }
      case 'receiving':
        this.takeBytes(blob, event.fromBytes);
        if (!this.#isInterrupted) return;
        this.#isInterrupted = false;
        this.#observer.onEvent({
          kind: 'receiving',
          fromBytes: this.#presentBytes + this.#sum,
          totalBytes: this.#totalBytes,
        });
        return;
      case 'starting-over':
      case 'retrying':
        this.#isInterrupted = true;
        break;
      case 'redirected':
      case 'verifying':
        return;
      case 'slow':
      case 'fast-enough':
        break;
    }
    this.#observer.onEvent(event);
  }
}
