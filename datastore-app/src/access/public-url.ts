// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';

/**
 * Reads where the datastore is reached from elsewhere: scheme, host and port.
 *
 * @throws ConfigurationError
 */
export function parsePublicUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new ConfigurationError(
      'a URL such as https://images.example or https://images.example:8443 expected',
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new ConfigurationError(
      'a URL without a path expected: clients of registries look for /v2/ at the root of a host, and for nothing else',
    );
  }
  return url;
}
