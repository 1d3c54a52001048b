// SPDX-License-Identifier: Apache-2.0
const WHOLE = new Intl.NumberFormat('en');

/** 1234567 → `1,234,567 bytes`: what a controller has to be told. */
export const exactSizeText = (bytes: number): string =>
  `${WHOLE.format(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;

/** How much of a whole, 0 to 100, rounded down: 100 means all of it. An empty whole is complete. */
export const percentOf = (part: number, whole: number): number =>
  whole <= 0 ? 100 : Math.min(100, Math.floor((100 * part) / whole));

const STEPS = [
  [60, 'second'],
  [3600, 'minute'],
  [86_400, 'hour'],
  [86_400 * 30, 'day'],
  [86_400 * 365, 'month'],
  [Number.POSITIVE_INFINITY, 'year'],
] as const;
const SECONDS_OF = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  month: 86_400 * 30,
  year: 86_400 * 365,
} as const;
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** `3 hours ago`; a few seconds, and times in the future (another clock), are `just now`. */
export function ageText(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  if (!(seconds >= 5)) return 'just now';
  const [, unit] = STEPS.find(([below]) => seconds < below) ?? STEPS[5];
  return RELATIVE.format(-Math.floor(seconds / SECONDS_OF[unit]), unit);
}

/** `40 s`, `3 min`, `1 h 20 min`, `2 d 3 h`: what is left, or how long something has run. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.ceil(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const [large, small, per, units] =
    minutes < 24 * 60
      ? [Math.floor(minutes / 60), minutes % 60, 60, ['h', 'min']]
      : [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), 24, ['d', 'h']];
  return small % per === 0 ? `${large} ${units[0]}` : `${large} ${units[0]} ${small} ${units[1]}`;
}

/** The first and last digits of a digest, for a narrow column: `sha256:0123…` → `01234567…abcdef`. */
export function shortDigest(digest: string): string {
  const digits = digest.slice(digest.indexOf(':') + 1);
  return `${digits.slice(0, 8)}…${digits.slice(-6)}`;
}
