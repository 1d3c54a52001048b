// SPDX-License-Identifier: Apache-2.0
import { isHostName } from '@local-datastore/shared/dns-sd/host-name';

/** RFC 1035 §2.3.1 with the underscore of RFC 2782: nothing that could mean something else in a file. */
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/;

/** Whether a text is a domain name without the dot of the root: letters, digits, inner hyphens, lengths of RFC 1035. */
export function isDomainName(text: string): boolean {
  return !text.endsWith('.') && isHostName(text) && text.split('.').every((label) => LABEL.test(label));
}
