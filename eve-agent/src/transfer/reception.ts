// SPDX-License-Identifier: Apache-2.0
import type { DownloadDeps, DownloadObserver, DownloadOptions } from './download-request.ts';
import type { BodyReceiver } from './fetch-body.ts';
import { paceReceiver } from './pace.ts';
import { type RateWatch, SlowConnection, watchRate } from './rate-watch.ts';
import type { BodyEnd, RawBody } from './raw-body.ts';
import type { OpenTarget } from './target.ts';

export type ReceptionTarget = Pick<OpenTarget, 'position' | 'take' | 'takeFrom' | 'listen'>;

/** Takes the bodies of one download in: counts them, keeps to the pace, and watches how fast they come. */
export class Reception {
  readonly #target: ReceptionTarget;
  readonly #observer: DownloadObserver;
  readonly #deps: Pick<DownloadDeps, 'pace' | 'clock'>;
  readonly #options: Pick<DownloadOptions, 'leastRate' | 'reconnectsWhenSlow'>;
  #receivedBytes = 0;
  #slowConnections = 0;

  constructor(
    target: ReceptionTarget,
    observer: DownloadObserver,
    deps: Pick<DownloadDeps, 'pace' | 'clock'>,
    options: Pick<DownloadOptions, 'leastRate' | 'reconnectsWhenSlow'>,
  ) {
    this.#target = target;
    this.#observer = observer;
    this.#deps = deps;
    this.#options = options;
  }

  /** Bytes of bodies, of all responses. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /**
   * A receiver for one response. Each slow connection makes the next one be watched for twice as long.
   *
   * @param canGoOn whether another response could bring the rest of this one: then a slow one is ended with
   *   SlowConnection, where that is wanted
   */
  start(canGoOn: () => boolean): RateWatch {
    const { leastRate, reconnectsWhenSlow } = this.#options;
    const { clock } = this.#deps;
    const receiver = this.#pacedReceiver();
    if (leastRate === undefined || clock === undefined) return { receiver, stop() {} };
    const windowMs = leastRate.windowMs * 2 ** this.#slowConnections;
    return watchRate(receiver, { ...leastRate, windowMs }, clock, (bytesPerSecond, abandon) => {
      if (bytesPerSecond === null) {
        this.#observer.onEvent({ kind: 'fast-enough' });
        return;
      }
      this.#observer.onEvent({ kind: 'slow', bytesPerSecond: Math.round(bytesPerSecond) });
      if (reconnectsWhenSlow !== true || !canGoOn()) return;
      this.#slowConnections += 1;
      abandon(new SlowConnection());
    });
  }

  /** Lets the target take a body in by itself, as {@link OpenTarget.takeFrom}: it is only counted here. */
  takeFrom(body: RawBody, signal: AbortSignal): Promise<BodyEnd> | undefined {
    const before = this.#target.position;
    const taken = this.#target.takeFrom?.(body, signal);
    return taken?.finally(() => {
      this.#receivedBytes += this.#target.position - before;
    });
  }

  #pacedReceiver(): BodyReceiver {
    const { pace } = this.#deps;
    const receiver: BodyReceiver = {
      take: (bytes: Buffer) => {
        this.#receivedBytes += bytes.length;
        const hasRoom = this.#target.take(bytes);
        this.#observer.onProgress(this.#target.position);
        return hasRoom;
      },
      listen: (onSpace, onFailure) => this.#target.listen(onSpace, onFailure),
    };
    return pace === undefined ? receiver : paceReceiver(receiver, pace, setTimeout);
  }
}
