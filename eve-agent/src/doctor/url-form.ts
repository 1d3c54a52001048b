// SPDX-License-Identifier: Apache-2.0
import { domainToUnicode } from 'node:url';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { errorMessage } from '@local-datastore/shared/errors';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { isAddressLiteral, parseImageUrl } from '../discovery/locate.ts';

/** A URL as it was written: what a parser makes of it hides what stock EVE sees. */
export interface UrlForm {
  /** As it may be shown: no user name or password. */
  readonly text: string;
  /** Null: it cannot name an image; `error` says why. */
  readonly url: URL | null;
  readonly error: string | null;
  /** What stock EVE makes of it, which drops a user name and password; null: nothing. */
  readonly urlForEve: URL | null;
  /** Null: there is none. */
  readonly scheme: string | null;
  /** In the case it was written in, without port. */
  readonly writtenHost: string;
  /** As it was written, even if it is the scheme's own. */
  readonly writtenPort: string | null;
  /** Path and query. */
  readonly path: string;
  /** Found by multicast DNS, by ordinary DNS, or not to be found at all. */
  readonly hostKind: 'local' | 'ordinary' | 'address';
}

const WRITTEN = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)/;
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;

/** Takes a URL to pieces as a person wrote it. Never throws. */
export function readUrlForm(text: string): UrlForm {
  const [, scheme, authority = '', path = ''] = WRITTEN.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const [, writtenHost = authority, writtenPort] = HOST_AND_PORT.exec(authority.slice(at + 1)) ?? [];
  let url: URL | null = null;
  let error: string | null = null;
  try {
    url = parseImageUrl(text);
  } catch (thrown) {
    error = errorMessage(thrown);
  }
  const withoutUser = at === -1 ? text : text.replace(`${authority.slice(0, at)}@`, '');
  const urlForEve = url ?? (at === -1 ? null : readUrlForm(withoutUser).url);
  let hostKind: UrlForm['hostKind'] = 'ordinary';
  if (urlForEve !== null && isAddressLiteral(urlForEve)) hostKind = 'address';
  else if (urlForEve !== null && isLocalHost(domainToUnicode(urlForEve.hostname))) hostKind = 'local';
  return {
    text: printableText(withoutUser),
    url,
    error,
    urlForEve,
    scheme: scheme ?? null,
    writtenHost: printableText(writtenHost),
    writtenPort: writtenPort ?? null,
    path,
    hostKind,
  };
}
