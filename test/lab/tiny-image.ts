// SPDX-License-Identifier: Apache-2.0
/** A container image that needs no other one: a shell of Debian's, and what it is linked to. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyPrograms } from './linked-program.ts';

const PROGRAMS = [['/bin/dash', '/bin/sh']] as const;

/** Every image differs by its word, which its containers print. */
const dockerfileOf = (word: string) => `FROM scratch
COPY rootfs /
LABEL word=${word}
CMD ["/bin/sh", "-c", "read word < /word; echo $word"]
`;

/** Puts what `docker build` takes into a folder. @param word which a container of it prints */
export async function createBuildContext(folder: string, word: string): Promise<string> {
  await copyPrograms(join(folder, 'rootfs'), PROGRAMS);
  await writeFile(join(folder, 'rootfs', 'word'), `${word}\n`);
  await writeFile(join(folder, 'Dockerfile'), dockerfileOf(word));
  return folder;
}
