// SPDX-License-Identifier: Apache-2.0
import { shortDigest } from '../text/quantities.ts';
import { CopyButton } from './copy-button.tsx';

export interface DigestProps {
  /** With its algorithm before it, or bare. */
  readonly digest: string;
  /** What is copied, such as `digest of lab/app:1.2`. */
  readonly what: string;
}

/** A digest in a narrow place: its ends are seen, all of it is copied, or read when it is pointed at. */
export function Digest({ digest, what }: DigestProps) {
  return (
    <span class="digest">
      <code title={digest}>{shortDigest(digest)}</code>
      <CopyButton text={digest} what={what} />
    </span>
  );
}
