// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { workspace } from '../program-bundle.ts';
import { ALL_ARCHITECTURES, ARCHITECTURES } from './architectures.ts';
import { PROGRAMS, type Program } from './package-description.ts';
import { runTool } from './run-tool.ts';

/** Whether this machine can build images of several architectures with the same time for all that is in them. */
export function canBuildImages(): boolean {
  try {
    runTool(['docker', 'buildx', 'version']);
    return true;
  } catch {
    return false;
  }
}

/** What is built of images, and out of what. */
export interface ImageBuild {
  readonly version: string;
  /** The commit, in full. */
  readonly revision: string;
  readonly date: Date;
  /** Where the files go, `PROGRAM-image-VERSION.tar`. */
  readonly target: string;
}

/**
 * The command that builds the image of a program for all architectures, as an OCI archive. BuildKit gives all files the
 * time of the sources, so that the same sources make the same image; labels of the Dockerfile are joined by the commit
 * and repeated as annotations of the index, which tools read without a configuration.
 */
export function imageCommand(
  program: Program,
  { version, revision, date, target }: ImageBuild,
): [string, ...string[]] {
  const facts = {
    'org.opencontainers.image.title': program,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.created': date.toISOString(),
  };
  const added = ['org.opencontainers.image.revision', 'org.opencontainers.image.created'];
  return [
    ...(['docker', 'buildx', 'build', '--file', 'compose/Dockerfile', '--target', program] as const),
    ...['--platform', ALL_ARCHITECTURES.map((each) => `linux/${ARCHITECTURES[each].debian}`).join(',')],
    ...['--build-arg', `SOURCE_DATE_EPOCH=${Math.floor(date.getTime() / 1000)}`],
    ...Object.entries(facts).flatMap(([key, value]) => [
      ...(added.includes(key) ? ['--label', `${key}=${value}`] : []),
      ...['--annotation', `index,manifest:${key}=${value}`],
    ]),
    // What BuildKit itself would add tells of the machine, and differs with it.
    ...['--provenance=false', '--sbom=false'],
    ...[
      '--output',
      `type=oci,dest=${join(target, `${program}-image-${version}.tar`)},rewrite-timestamp=true`,
    ],
    '.',
  ];
}

/** Builds the images of both programs. @throws Error with what Docker said */
export function buildImages(build: ImageBuild): void {
  for (const program of PROGRAMS) runTool(imageCommand(program, build), { cwd: workspace });
}
