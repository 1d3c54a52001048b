// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '../errors.ts';

/** RFC 1035 §2.3.4, without the length octets and the root. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 253;

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/** The labels of a name, lower-cased in ASCII, without the root: `Ds.Local.` → `['ds', 'local']`. */
function labelsOf(name: string): string[] {
  const withoutRoot = name.endsWith('.') ? name.slice(0, -1) : name;
  return withoutRoot.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).split('.');
}

/**
 * Whether two names are the same host: label by label, ASCII case folded (RFC 6762 §16), a trailing dot
 * ignored. Never a substring, as EVE's `strings.Contains` would have it.
 */
export function isSameHost(left: string, right: string): boolean {
  const leftLabels = labelsOf(left);
  const rightLabels = labelsOf(right);
  return leftLabels.length === rightLabels.length && leftLabels.every((label, i) => label === rightLabels[i]);
}

/** Whether a name is resolved by multicast DNS: its last label is `local` (RFC 6762 §3). */
export function isLocalHost(name: string): boolean {
  const labels = labelsOf(name);
  return labels.length >= 2 && labels.at(-1) === 'local';
}

/**
 * Reads the host name of a datastore as a person writes it, `ds`, `ds.local` or `ds.local.`.
 *
 * @returns the single label in front of `.local`, in the case it was written in
 * @throws ConfigurationError when it is no host name (RFC 952, RFC 1123 §2.1) or has more labels
 */
export function parseHostLabel(input: string): string {
  const label = input.trim().replace(/\.local\.?$/i, '');
  if (label.length === 0 || Buffer.byteLength(label) > MAX_LABEL_BYTES || !LABEL.test(label)) {
    throw new ConfigurationError(
      `host name "${input}" cannot be advertised: one label of 1 to ${MAX_LABEL_BYTES} letters, digits or ` +
        'inner hyphens, optionally followed by ".local", such as "ds" or "ds.local"',
    );
  }
  return label;
}

/** Whether a text may stand as a host name in a question: non-empty labels within RFC 1035's lengths. */
export function isHostName(name: string): boolean {
  const withoutRoot = name.endsWith('.') ? name.slice(0, -1) : name;
  return (
    Buffer.byteLength(withoutRoot) <= MAX_NAME_BYTES &&
    withoutRoot.split('.').every((label) => label.length > 0 && Buffer.byteLength(label) <= MAX_LABEL_BYTES)
  );
}
