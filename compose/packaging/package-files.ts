// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { manualPage } from '@local-datastore/shared/command-line/manual-page';
import { completionFor } from '@local-datastore/shared/command-line/shell-commands';
import { workspace } from '../program-bundle.ts';
import { describeCommands } from './described-commands.ts';
import type { PackageDescription } from './package-description.ts';
import { SBOM_NAME } from './sbom.ts';

/** A file of the package. */
export interface PackageFile {
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: 0o644 | 0o755;
}

/** What comes from the build rather than from the sources. */
export interface BuiltParts {
  /** The program itself, where it is installed. */
  readonly program: readonly PackageFile[];
  readonly licences: string;
  readonly sbom: string;
  readonly debianVersion: string;
  readonly maintainer: string;
  /** Of the newest change. */
  readonly date: Date;
}

const readWorkspace = (...names: string[]) => readFile(join(workspace, ...names));
/** As `gzip -9n` makes it: without a time, so that the same sources make the same package. */
const compress = async (content: Buffer | string) => await promisify(gzip)(content, { level: 9 });

/** A file that all packages have, but for what is the program's own in it. */
async function fillIn(file: string, { name, purged, purgedIfEmpty }: PackageDescription): Promise<Buffer> {
  const values = { PACKAGE: name, PURGED: purged.join(' '), PURGED_IF_EMPTY: purgedIfEmpty.join(' ') };
  const text = (await readWorkspace('compose/packaging/debian', file)).toString('utf8');
  return Buffer.from(text.replace(/@([A-Z_]+)@/g, (_, key: keyof typeof values) => values[key]));
}

/** Where Debian looks for the history of the package itself; the program's own stands in `changelog.gz`. */
function debianChangelog(name: string, { debianVersion, maintainer, date }: BuiltParts): string {
  // RFC 5322, with the offset that deb-changelog(5) asks for.
  const when = date.toUTCString().replace('GMT', '+0000');
  return `${name} (${debianVersion}) unstable; urgency=medium\n\n  * What is new: changelog.gz.\n\n -- ${maintainer}  ${when}\n`;
}

/** Where each shell looks for completions of packages. */
const COMPLETION_FILES = [
  ['bash', (name: string) => `usr/share/bash-completion/completions/${name}`],
  ['zsh', (name: string) => `usr/share/zsh/vendor-completions/_${name}`],
  ['fish', (name: string) => `usr/share/fish/vendor_completions.d/${name}.fish`],
] as const;

/** Everything that the package installs. */
export async function listPackageFiles(
  description: PackageDescription,
  parts: BuiltParts,
): Promise<PackageFile[]> {
  const { name, examples } = description;
  const { program, manual } = await describeCommands(name);
  const doc = `usr/share/doc/${name}`;
  const own = (file: string) => readWorkspace(name, 'packaging/debian', file);
  const text = (path: string, content: Buffer): PackageFile => ({ path, content, mode: 0o644 });
  return [
    ...parts.program,
    text(`usr/lib/systemd/system/${name}.service`, await own(`${name}.service`)),
    text(`usr/lib/sysusers.d/${name}.conf`, await own(`${name}.sysusers`)),
    text(`usr/lib/tmpfiles.d/${name}.conf`, await own(`${name}.tmpfiles`)),
    text(`etc/${name}/${name}.env`, await own(`${name}.env`)),
    text(`usr/share/lintian/overrides/${name}`, await fillIn('lintian-overrides', description)),
    text(`usr/share/man/man1/${name}.1.gz`, await compress(manualPage(program, manual))),
    ...COMPLETION_FILES.map(([shell, pathOf]) =>
      text(pathOf(name), Buffer.from(completionFor(shell, program))),
    ),
    text(`${doc}/copyright`, await fillIn('copyright', description)),
    text(`${doc}/LICENSE.gz`, await compress(await readWorkspace('LICENSE'))),
    text(`${doc}/THIRD-PARTY-LICENSES.gz`, await compress(parts.licences)),
    text(`${doc}/${SBOM_NAME}`, Buffer.from(parts.sbom)),
    text(`${doc}/changelog.gz`, await compress(await readWorkspace('CHANGELOG.md'))),
    text(`${doc}/changelog.Debian.gz`, await compress(debianChangelog(name, parts))),
    ...(await Promise.all(examples.map(async (file) => text(`${doc}/examples/${file}`, await own(file))))),
  ];
}

/** Scripts that dpkg runs. */
export async function listMaintainerScripts(description: PackageDescription): Promise<PackageFile[]> {
  return await Promise.all(
    ['postinst', 'prerm', 'postrm'].map(
      async (path): Promise<PackageFile> => ({ path, content: await fillIn(path, description), mode: 0o755 }),
    ),
  );
}
