/** A container image that needs no other one: a shell of Debian's, and what it is linked to. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SHELL = '/bin/dash';

/** Every image differs by its word, which its containers print. */
const dockerfileOf = (word: string) => `FROM scratch
COPY rootfs /
LABEL word=${word}
CMD ["/bin/sh", "-c", "read word < /word; echo $word"]
`;

/** Puts what `docker build` takes into a folder. @param word which a container of it prints */
export async function createBuildContext(folder: string, word: string): Promise<string> {
  const linked = execFileSync('ldd', [SHELL], { encoding: 'utf8' });
  const libraries = linked.match(/\/\S+/g) ?? [];
  for (const [from, to] of [[SHELL, '/bin/sh'], ...libraries.map((file) => [file, file])]) {
    const target = join(folder, 'rootfs', to ?? '');
    await mkdir(dirname(target), { recursive: true });
    // What links lead to.
    await copyFile(from ?? '', target);
  }
  await writeFile(join(folder, 'rootfs', 'word'), `${word}\n`);
  await writeFile(join(folder, 'Dockerfile'), dockerfileOf(word));
  return folder;
}
