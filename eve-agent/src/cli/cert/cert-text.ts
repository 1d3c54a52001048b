// SPDX-License-Identifier: Apache-2.0
import type { BrowserFile, MadeCertificate } from '../../launch/certificates/certificate-authority.ts';

const lines = (rows: readonly (readonly [string, string])[]) =>
  rows.map(([title, text]) => `${title.padEnd(12)} ${text}\n`).join('');

const factsOf = ({ name, notAfter, serial, sha256 }: MadeCertificate) =>
  [
    ['name', `CN=${name}`],
    ['good to', notAfter.slice(0, 10)],
    ['serial', serial],
    ['sha256', sha256],
  ] as const;

/** An authority that was made, and what its files are for. */
export const authorityText = (made: MadeCertificate & { readonly revocations: string }): string =>
  lines([
    ['certificate', `${made.certificate} (clients and the agent need it; it is no secret)`],
    ['key', `${made.key} (whoever has it can make certificates: keep it away from devices)`],
    ['revoked', `${made.revocations} (the agent needs it; nobody yet)`],
    ...factsOf(made),
  ]);

/** A certificate that was made, and what its files are for. */
export const certificateText = (made: MadeCertificate, kind: 'server' | 'client'): string =>
  lines([
    ['certificate', made.certificate],
    ['key', `${made.key} (for ${kind === 'server' ? 'the agent' : 'its owner'} alone)`],
    ...factsOf(made),
  ]);

/** A file for browsers that was made. */
export const browserFileText = ({ file, password }: BrowserFile): string =>
  lines([
    ['for browsers', `${file} (certificate and key)`],
    ['password', `${password} (it opens that file, and is not shown again)`],
  ]);

/** What was taken back. */
export function revokedText(done: {
  readonly file: string;
  readonly revoked: readonly string[];
  readonly count: number;
}): string {
  const what = done.revoked.length === 0 ? 'nothing that was not revoked before' : done.revoked.join(', ');
  return lines([
    ['revoked', what],
    ['list', `${done.file}, ${done.count} in all`],
  ]);
}
