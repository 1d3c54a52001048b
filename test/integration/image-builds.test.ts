// SPDX-License-Identifier: Apache-2.0
/**
 * The images of a release, built twice, each time as on a machine that has nothing yet. A release takes BuildKit, which
 * builds for several architectures; buildah reads the same Dockerfile, and needs no daemon.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageCommand } from '../../compose/packaging/build-images.ts';
import { PROGRAMS, type Program } from '../../compose/packaging/package-description.ts';
import { makeBundles } from '../e2e/built-once.ts';
import { mustRunProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';

/** Where the bundles are put together; what comes of it stands on a base that is empty, as all of it is copied. */
const BUILD_BASE = 'localhost/node-base:24';
const BASE = 'localhost/empty';
const DATE = new Date('2026-02-03T04:05:06Z');
const REVISION = 'a'.repeat(40);

/** What the command of a release says of an image, by the option. */
function factsOf(program: Program, option: '--label' | '--annotation'): string[] {
  const words = imageCommand(program, { version: '0.1.0', revision: REVISION, date: DATE, target: '/out' });
  const facts = words.flatMap((word, i) => (words[i - 1] === option ? [word] : []));
  return facts.map((fact) => fact.replace(/^index,manifest:/, ''));
}
const objectOf = (facts: readonly string[]) =>
  Object.fromEntries(
    facts.map((fact) => [fact.slice(0, fact.indexOf('=')), fact.slice(fact.indexOf('=') + 1)]),
  );

interface BuiltImage {
  readonly digest: string;
  readonly annotations: Record<string, string>;
  readonly labels: Record<string, string>;
  /** Of the file in it that names what it is made of. */
  readonly materials: { readonly bomFormat: string; readonly components: readonly unknown[] };
}

describeWith(['buildah', 'root'], 'the images, built on two machines', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-builds-'));
    await makeBundles();
    // In place of Docker's command: what it would import is kept as it is.
    const keeper = join(folder, 'docker');
    await writeFile(keeper, `#!/bin/sh\nexec cat > '${folder}/base.tar'\n`);
    await chmod(keeper, 0o755);
    await mustRunProgram(['sh', 'compose/make-base-image.sh'], { DOCKER: keeper });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** @param name of a machine that has no image yet */
  async function buildOn(name: string): Promise<Map<Program, BuiltImage>> {
    const place = join(folder, name);
    const buildah = async (...args: readonly string[]) =>
      (
        await mustRunProgram([
          ...['buildah', '--root', `${place}/storage`, '--runroot', `${place}/run`],
          ...['--storage-driver', 'vfs', ...args],
        ])
      ).trim();
    await mkdir(place);
    // Of the same time on both, as one that is pulled.
    const commit = (container: string, tag: string) =>
      buildah('commit', '--quiet', '--timestamp', '0', container, tag);
    const base = await buildah('from', 'scratch');
    await commit(base, BASE);
    await buildah('add', '--quiet', base, `${folder}/base.tar`, '/');
    await buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', base);
    await commit(base, BUILD_BASE);
    const built = new Map<Program, BuiltImage>();
    for (const program of PROGRAMS) {
      const output = join(place, program);
      await buildah(
        ...['bud', '--quiet', '--isolation', 'chroot', '--pull-never', '--layers'],
        ...['--file', 'compose/Dockerfile', '--target', program, '--tag', program],
        ...['--build-arg', `BASE=${BASE}`, '--build-arg', `BUILD_BASE=${BUILD_BASE}`],
        ...['--build-arg', 'BUILDPLATFORM=linux/amd64'],
        ...['--timestamp', String(DATE.getTime() / 1000)],
        ...(['--label', '--annotation'] as const).flatMap((option) =>
          factsOf(program, option).flatMap((fact) => [option, fact]),
        ),
        '.',
      );
      await buildah('push', '--quiet', program, `dir:${output}`);
      const manifest = JSON.parse(await readFile(join(output, 'manifest.json'), 'utf8'));
      const blobOf = (digest: string) => join(output, digest.replace('sha256:', ''));
      const { config } = JSON.parse(await readFile(blobOf(manifest.config.digest), 'utf8'));
      const file = `opt/${program}/sbom.cdx.json`;
      const found = await Promise.allSettled(
        manifest.layers.map(({ digest }: { digest: string }) =>
          mustRunProgram(['tar', '--to-stdout', '-xf', blobOf(digest), file]),
        ),
      );
      const [materials] = found.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
      built.set(program, {
        digest:
          manifest.config.digest + manifest.layers.map(({ digest }: { digest: string }) => digest).join(),
        annotations: manifest.annotations,
        labels: config.Labels,
        materials: JSON.parse(materials ?? 'null'),
      });
    }
    return built;
  }

  it('are the same, and tell what they are and what they are made of', async () => {
    const [one, other] = [await buildOn('one'), await buildOn('other')];
    for (const program of PROGRAMS) {
      const image = one.get(program) as BuiltImage;
      expect(other.get(program)).toEqual(image);
      expect(image.annotations).toMatchObject(objectOf(factsOf(program, '--annotation')));
      expect(image.labels).toMatchObject({
        ...objectOf(factsOf(program, '--label')),
        'org.opencontainers.image.title': program,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      });
      expect(image.materials).toMatchObject({ bomFormat: 'CycloneDX' });
      expect(image.materials.components.length).toBeGreaterThan(3);
    }
  });
});
