// SPDX-License-Identifier: Apache-2.0
import { request } from 'node:http';
import { json } from 'node:stream/consumers';

/**
 * Asks over a Unix socket, which leads into the namespaces of the lab as well.
 *
 * @returns what was answered, as JSON; null: an empty answer
 * @throws Error: nobody listens, or the answer is no 2xx
 */
export async function askSocket(
  socketPath: string,
  path: string,
  posted?: string,
  method = posted === undefined ? 'GET' : 'POST',
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const asked = request({ socketPath, path, method }, (answer) => {
    const { statusCode = 0, headers } = answer;
    if (statusCode < 200 || statusCode > 299) {
      answer.resume();
      reject(new Error(`${path} is answered by ${statusCode}`));
    } else if (statusCode === 204 || headers['content-length'] === '0') {
      answer.resume();
      resolve(null);
    } else json(answer).then(resolve, reject);
  });
  asked.on('error', reject);
  asked.end(posted);
  return await promise;
}
