// SPDX-License-Identifier: Apache-2.0
/**
 * An HTTPS client that, like EVE, replaces the system's roots by one certificate and checks the address in
 * the leaf: `fetch-https.ts CA-FILE DIALLED-ADDRESS EXPECTED-ADDRESS PATH`. Prints the sha256 of the body.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { checkServerIdentity } from 'node:tls';

const [caFile = '', host = '', expected = '', path = ''] = process.argv.slice(2);
try {
  const request = get({
    host,
    path,
    ca: [readFileSync(caFile)],
    checkServerIdentity: (_host, certificate) => checkServerIdentity(expected, certificate),
  });
  const [response] = await once(request, 'response');
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  const hash = createHash('sha256');
  for await (const bytes of response) hash.update(bytes);
  process.stdout.write(`${hash.digest('hex')}\n`);
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exitCode = 1;
}
