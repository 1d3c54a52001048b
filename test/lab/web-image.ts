// SPDX-License-Identifier: Apache-2.0
/** A container image with a web server that needs no other one: Debian's nginx, and a shell to start it. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyPrograms } from './linked-program.ts';

/** Where they stand here, and there. */
const PROGRAMS = [
  ['/bin/dash', '/bin/sh'],
  ['/usr/sbin/nginx', '/nginx'],
  ['/bin/sleep', '/bin/sleep'],
] as const;

/** One worker, no files beside what the image has; what it answers comes with the container. */
const NGINX_CONFIG = `daemon off;
user root;
worker_processes 1;
pid /nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  server {
    listen 80;
    listen [::]:80;
    include /answer.conf;
  }
}
`;

/**
 * Answers by `ANSWER` of the environment, which is a line of nginx's configuration.
 * SIGQUIT: it ends when it has answered what it was asked.
 */
const dockerfileOf = (word: string) => `FROM scratch
COPY rootfs /
LABEL word=${word}
STOPSIGNAL SIGQUIT
CMD ["/bin/sh", "-c", "echo \\"\${ANSWER:-return 200 ${word};}\\" > /answer.conf; exec /nginx -c /nginx.conf"]
`;

/**
 * Puts what `docker build` takes into a folder.
 *
 * @param word which it answers, and by which images differ @param fillerBytes that nothing makes smaller
 */
export async function createWebContext(folder: string, word: string, fillerBytes = 0): Promise<string> {
  await copyPrograms(join(folder, 'rootfs'), PROGRAMS);
  for (const made of ['var/lib/nginx', 'var/log/nginx', 'etc', 'tmp']) {
    await mkdir(join(folder, 'rootfs', made), { recursive: true });
  }
  await writeFile(join(folder, 'rootfs/etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  await writeFile(join(folder, 'rootfs/etc/group'), 'root:x:0:\n');
  await writeFile(join(folder, 'rootfs/nginx.conf'), NGINX_CONFIG);
  if (fillerBytes > 0) await writeFile(join(folder, 'rootfs/filler'), randomBytes(fillerBytes));
  await writeFile(join(folder, 'Dockerfile'), dockerfileOf(word));
  return folder;
}
