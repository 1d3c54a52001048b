// SPDX-License-Identifier: Apache-2.0
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { addressUrl } from '../discovery/origin.ts';
import type { DownloadEvent } from '../transfer/download-request.ts';
import type { ProgressLine } from './progress-line.ts';

/** Shows how a download goes. */
export interface ProgressView {
  event(event: DownloadEvent): void;
  /** How many bytes of the file are here; called for every piece. */
  progress(receivedBytes: number): void;
  /** Leaves the terminal in order. */
  stop(): void;
}

/** The part of a stream that is written to. */
export interface Output {
  write(text: string): unknown;
}

const REFRESH_MS = 200;
/** The rate is that of the last few seconds, so that a stall shows. */
const RATE_WINDOW_MS = 3000;

/** Seconds as people read them: `0:07`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** What an event means, as a sentence; null for those that the result repeats. */
export function describeEvent(event: DownloadEvent): string | null {
  switch (event.kind) {
    case 'located': {
      const { bridgeName, sourceAddress } = event.origin;
      const { href } = addressUrl(event.origin);
      return bridgeName === null ? null : `${bridgeName}: downloading ${href} from ${sourceAddress}`;
    }
    case 'receiving':
      return event.fromBytes === 0
        ? null
        : `going on after ${sizeText(event.fromBytes)} that are here already`;
    case 'starting-over':
      return `starting over: ${event.reason}`;
    case 'retrying':
      return `${event.error.message}; trying again in ${(event.delayMs / 1000).toFixed(1)} s`;
    case 'slow':
      return `only ${sizeText(event.bytesPerSecond)}/s come, less than --least-rate`;
    case 'redirected':
    case 'fast-enough':
    case 'verifying':
      return null;
  }
}

/** Remembers the recent past of a byte count. */
export class RateMeter {
  #samples: { readonly atMs: number; readonly byteCount: number }[] = [];

  add(byteCount: number, nowMs: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && byteCount < last.byteCount) this.#samples = [];
    this.#samples.push({ atMs: nowMs, byteCount });
    while (this.#samples.length > 2 && nowMs - (this.#samples[0]?.atMs ?? nowMs) > RATE_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** 0 until there are two samples. */
  bytesPerSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
    return ((last.byteCount - first.byteCount) * 1000) / (last.atMs - first.atMs);
  }
}

/** Sentences alone: for a pipe, or a log. */
export function createPlainView(stderr: Output): ProgressView {
  return {
    event(event) {
      const sentence = describeEvent(event);
      if (sentence !== null) stderr.write(`${terminalText(sentence)}\n`);
    },
    progress: () => {},
    stop: () => {},
  };
}

/** Calls `show` a few times a second while bytes arrive. */
function sample(show: (receivedBytes: number, bytesPerSecond: number) => void) {
  const meter = new RateMeter();
  let receivedBytes = 0;
  let hasStarted = false;
  const tick = () => {
    meter.add(receivedBytes, performance.now());
    show(receivedBytes, meter.bytesPerSecond());
  };
  const timer = setInterval(() => hasStarted && tick(), REFRESH_MS);
  timer.unref();
  return {
    start(fromBytes: number) {
      hasStarted = true;
      receivedBytes = fromBytes;
      tick();
    },
    update(byteCount: number) {
      receivedBytes = byteCount;
    },
    stop() {
      if (hasStarted) tick();
      clearInterval(timer);
    },
  };
}

/** One JSON object a line, for programs. */
export function createJsonView(stderr: Output): ProgressView {
  const write = (line: ProgressLine) => stderr.write(jsonLine(line));
  let totalBytes: number | null = null;
  const sampler = sample((receivedBytes, bytesPerSecond) =>
    write({ event: 'progress', receivedBytes, totalBytes, bytesPerSecond: Math.round(bytesPerSecond) }),
  );
  return {
    event(event) {
      switch (event.kind) {
        case 'located': {
          const { bridgeName, sourceAddress } = event.origin;
          write({ event: 'located', url: addressUrl(event.origin).href, bridge: bridgeName, sourceAddress });
          break;
        }
        case 'receiving':
          totalBytes = event.totalBytes;
          sampler.start(event.fromBytes);
          break;
        case 'starting-over':
          write({ event: 'starting-over', reason: event.reason });
          break;
        case 'retrying':
          write({ event: 'retrying', delayMs: event.delayMs, error: event.error.message });
          break;
        case 'slow':
          write({ event: 'slow', bytesPerSecond: event.bytesPerSecond });
          break;
        case 'fast-enough':
        case 'verifying':
          write({ event: event.kind });
          break;
        // Where it leads is said by what is located next.
        case 'redirected':
      }
    },
    progress: sampler.update,
    stop: sampler.stop,
  };
}

/** The longest that stands beside name and bar: `] 100%  1023.9 MiB of 1023.9 MiB  1023.9 MiB/s  99:59:59 left`. */
const FIGURES_WIDTH = 64;
const LEAST_BAR_WIDTH = 5;
const MOST_BAR_WIDTH = 30;
const LEAST_NAME_WIDTH = 8;
const SHORT_FORMAT = '{percentage}%  {rate}/s  {left}';
const LONG_FORMAT = '{name} [{bar}] {percentage}%  {done} of {size}  {rate}/s  {left}';

/**
 * What of a progress bar fits into one line: cli-progress 3 cuts lines off at the end of the terminal, and
 * rate and time left stand there.
 */
export function layBarOut(
  name: string,
  columns: number,
): { readonly format: string; readonly name: string; readonly barWidth: number } {
  const room = columns - FIGURES_WIDTH - 3;
  if (room < LEAST_NAME_WIDTH + LEAST_BAR_WIDTH) return { format: SHORT_FORMAT, name, barWidth: 0 };
  const nameWidth = Math.min(name.length, Math.max(LEAST_NAME_WIDTH, room - MOST_BAR_WIDTH));
  return {
    format: LONG_FORMAT,
    name: name.length <= nameWidth ? name : `${name.slice(0, nameWidth - 1)}…`,
    barWidth: Math.min(MOST_BAR_WIDTH, room - nameWidth),
  };
}

/** A bar with rate and time left, on a terminal. */
export async function createBarView(stderr: NodeJS.WriteStream, name: string): Promise<ProgressView> {
  const { default: cliProgress } = await import('cli-progress');
  const layout = layBarOut(name, stderr.columns ?? 80);
  const bar = new cliProgress.SingleBar({
    stream: stderr,
    hideCursor: true,
    etaBuffer: 1,
    barsize: layout.barWidth,
    format: layout.format,
    barCompleteChar: '#',
    barIncompleteChar: '-',
  });
  const plain = createPlainView(stderr);
  let totalBytes: number | null = null;
  let isShown = false;
  const fields = (receivedBytes: number, bytesPerSecond: number) => ({
    name: layout.name,
    done: sizeText(receivedBytes),
    size: totalBytes === null ? '?' : sizeText(totalBytes),
    rate: sizeText(Math.round(bytesPerSecond)),
    left:
      totalBytes === null || bytesPerSecond === 0
        ? '-:-- left'
        : `${formatDuration((totalBytes - receivedBytes) / bytesPerSecond)} left`,
  });
  const sampler = sample((receivedBytes, bytesPerSecond) => {
    if (isShown) bar.update(receivedBytes, fields(receivedBytes, bytesPerSecond));
  });
  const hide = () => {
    if (isShown) bar.stop();
    isShown = false;
  };
  return {
    event(event) {
      if (event.kind === 'receiving') {
        plain.event(event);
        totalBytes = event.totalBytes;
        bar.start(totalBytes ?? 0, event.fromBytes, fields(event.fromBytes, 0));
        isShown = true;
        sampler.start(event.fromBytes);
      } else {
        if (event.kind === 'retrying' || event.kind === 'starting-over') hide();
        plain.event(event);
      }
    },
    progress: sampler.update,
    stop() {
      sampler.stop();
      hide();
    },
  };
}
