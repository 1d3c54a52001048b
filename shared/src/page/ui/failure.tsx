// SPDX-License-Identifier: Apache-2.0
/** Why something failed, told at once; nothing where it did not. */
export function Failure({ text }: { text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="failure" role="alert">
      {text}
    </p>
  );
}
