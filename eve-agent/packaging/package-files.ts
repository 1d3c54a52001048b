import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { manualPage } from '@local-datastore/shared/command-line/manual-page';
import { completionFor } from '@local-datastore/shared/command-line/shell-commands';
import { silentLog } from '@local-datastore/shared/log';
import { workspace } from '../../compose/program-bundle.ts';
import { MANUAL_TEXTS } from '../src/cli/manual-texts.ts';
import { describeProgram } from '../src/cli/program.ts';

/** A file of the package. */
export interface PackageFile {
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: 0o644 | 0o755;
}

/** What comes from the build rather than from the sources. */
export interface BuiltParts {
  readonly executable: Buffer;
  /** Of the executable's processor, and what it is called. */
  readonly koffi: { readonly name: string; readonly content: Buffer };
  readonly licences: string;
  readonly debianVersion: string;
  readonly maintainer: string;
  /** Of the newest change. */
  readonly date: Date;
}

const debianFolder = fileURLToPath(new URL('./debian/', import.meta.url));
const readDebian = (name: string) => readFile(join(debianFolder, name));
const readWorkspace = (name: string) => readFile(join(workspace, name));
/** As `gzip -9n` makes it: without a time, so that the same sources make the same package. */
const compress = async (content: Buffer | string) => await promisify(gzip)(content, { level: 9 });

/** Where Debian looks for the history of the package itself; the program's own stands in `changelog.gz`. */
function debianChangelog({ debianVersion, maintainer, date }: BuiltParts): string {
  // RFC 5322, with the offset that deb-changelog(5) asks for.
  const when = date.toUTCString().replace('GMT', '+0000');
  return `eve-agent (${debianVersion}) unstable; urgency=medium\n\n  * What is new: changelog.gz.\n\n -- ${maintainer}  ${when}\n`;
}

/** Where each shell looks for completions of packages. */
const COMPLETION_FILES = [
  ['bash', 'usr/share/bash-completion/completions/eve-agent'],
  ['zsh', 'usr/share/zsh/vendor-completions/_eve-agent'],
  ['fish', 'usr/share/fish/vendor_completions.d/eve-agent.fish'],
] as const;

/** The definitions of the agent's commands, none of which is run. */
const describeAgent = () =>
  describeProgram({
    ...{ stdout: process.stdout, stderr: process.stderr, signal: new AbortController().signal },
    terminal: { input: process.stdin, output: process.stdout },
    createLog: () => silentLog,
  });

/** Everything that the package installs. */
export async function listPackageFiles(parts: BuiltParts): Promise<PackageFile[]> {
  const doc = 'usr/share/doc/eve-agent';
  const text = (path: string, content: Buffer): PackageFile => ({ path, content, mode: 0o644 });
  const program = await describeAgent();
  return [
    { path: 'usr/bin/eve-agent', content: parts.executable, mode: 0o755 },
    // Also in the executable, for where it stands alone: a service may have no place to load a library from.
    text(`usr/lib/eve-agent/${parts.koffi.name}`, parts.koffi.content),
    text('usr/lib/systemd/system/eve-agent.service', await readDebian('eve-agent.service')),
    text('usr/lib/sysusers.d/eve-agent.conf', await readDebian('eve-agent.sysusers')),
    text('usr/lib/tmpfiles.d/eve-agent.conf', await readDebian('eve-agent.tmpfiles')),
    text('etc/eve-agent/eve-agent.env', await readDebian('eve-agent.env')),
    text('usr/share/lintian/overrides/eve-agent', await readDebian('lintian-overrides')),
    text('usr/share/man/man1/eve-agent.1.gz', await compress(manualPage(program, MANUAL_TEXTS))),
    ...COMPLETION_FILES.map(([shell, path]) => text(path, Buffer.from(completionFor(shell, program)))),
    text(`${doc}/copyright`, await readDebian('copyright')),
    text(`${doc}/LICENSE.gz`, await compress(await readWorkspace('LICENSE'))),
    text(`${doc}/THIRD-PARTY-LICENSES.gz`, await compress(parts.licences)),
    text(`${doc}/changelog.gz`, await compress(await readWorkspace('CHANGELOG.md'))),
    text(`${doc}/changelog.Debian.gz`, await compress(debianChangelog(parts))),
    text(`${doc}/examples/device.json`, await readDebian('device.json')),
    text(`${doc}/examples/vms.conf`, await readDebian('vms.conf')),
  ];
}

/** Scripts that dpkg runs. */
export async function listMaintainerScripts(): Promise<PackageFile[]> {
  const script = async (path: string): Promise<PackageFile> => ({
    path,
    content: await readDebian(path),
    mode: 0o755,
  });
  return await Promise.all(['postinst', 'prerm', 'postrm'].map(script));
}
