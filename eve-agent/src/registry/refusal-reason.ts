// SPDX-License-Identifier: Apache-2.0
import { parseOciErrors } from '@local-datastore/shared/oci/error-body';
import { printableText } from '@local-datastore/shared/text/printable-text';

const MAX_CHARACTERS = 200;

/** What a registry itself says of a refusal, to be added to a message; empty: nothing that could be read. */
export function refusalReason(body: Buffer): string {
  const [error] = parseOciErrors(body.toString());
  if (error === undefined) return '';
  return `: ${printableText(`${error.code} ${error.message}`.trim()).slice(0, MAX_CHARACTERS)}`;
}
