// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type Blob, type ContainerImage, makeImageOf, makeLayer } from './container-image.ts';

/** Where the application listens, in its container. */
export const APP_PORT = 8000;

/** A web server that says its version; a broken one starts, and answers that it is not well. */
const PROGRAM = `const http = require('node:http');
const [version, status] = process.argv.slice(2);
http.createServer((request, response) => {
  response.writeHead(Number(status), { connection: 'close' });
  response.end(version);
}).listen(${APP_PORT}, () => console.log(version + ' listens' + (status === '200' ? '' : ', and cannot find its data')));
process.on('SIGTERM', () => process.exit(0));
`;

/** What the report of a process says of itself. */
interface Report {
  readonly sharedObjects: readonly string[];
}

/**
 * This Node and the libraries that it runs with: an image of its own needs nothing else. Each is where Node looks for it.
 */
export async function makeRuntimeLayer(): Promise<Blob> {
  const { sharedObjects } = process.report.getReport() as unknown as Report;
  const libraries = sharedObjects.filter((file) => isAbsolute(file) && /\.so(?:\.|$)/.test(file));
  const files = await Promise.all(
    [process.execPath, ...new Set(libraries)].map(async (file) => ({
      name: file.slice(1),
      content: await readFile(file),
      isExecutable: true,
    })),
  );
  return makeLayer(files);
}

/** A version of the application. */
export function makeWebApp(runtime: Blob, version: string, isBroken: boolean): ContainerImage {
  const program = makeLayer([{ name: 'app.js', content: Buffer.from(`// ${version}\n${PROGRAM}`) }]);
  return makeImageOf([runtime, program], {
    Cmd: [process.execPath, '/app.js', version, isBroken ? '503' : '200'],
    User: '1000:1000',
    ExposedPorts: { [`${APP_PORT}/tcp`]: {} },
  });
}
