// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { workspace } from '../program-bundle.ts';
import { buildImages, canBuildImages } from './build-images.ts';
import { CHECKSUMS, writeChecksums } from './checksums.ts';
import { releaseNotes, tagOf, whyNoRelease } from './release-checks.ts';
import { runTool } from './run-tool.ts';
import { sourceDate } from './source-date.ts';

/**
 * Makes a release: everything that is shipped, for all architectures, with checksums and notes, and a tag in this
 * repository. It pushes nothing.
 */
const USAGE = 'release.ts VERSION [--dry-run] [--without-images] [--output DIR]';
const NOTES = 'RELEASE_NOTES.md';
const WORKSPACES = ['.', 'shared', 'datastore-app', 'eve-agent'];

const say = (text: string) => process.stdout.write(`${text}\n`);
function refuse(problems: readonly string[]): never {
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'dry-run': { type: 'boolean', default: false },
    'without-images': { type: 'boolean', default: false },
    output: { type: 'string', default: join(workspace, 'release') },
  },
});
const [version] = positionals;
if (version === undefined || positionals.length > 1) refuse([`usage: ${USAGE}`]);

const read = (...names: string[]) => readFile(join(workspace, ...names), 'utf8');
const git = (...args: string[]) => runTool(['git', '-C', workspace, ...args]).trim();
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

const changelog = await read('CHANGELOG.md');
const versions: Record<string, string> = {};
for (const folder of WORKSPACES) versions[folder] = JSON.parse(await read(folder, 'package.json')).version;
const problems = whyNoRelease({
  ...{ version, versions, changelog },
  dockerfile: await read('compose/Dockerfile'),
  uncommitted: linesOf(git('status', '--porcelain')).map((line) => line.slice(3)),
  tags: linesOf(git('tag', '--list')),
});
const withImages = !values['without-images'];
if (withImages && !canBuildImages()) {
  problems.push('docker buildx is not there, which builds the images: install it, or say --without-images');
}
const notes = releaseNotes(changelog, version);
const target = resolve(values.output);

if (values['dry-run']) {
  if (problems.length > 0) refuse(problems);
  say(
    `${tagOf(version)} can be released from ${git('rev-parse', 'HEAD')}, dated ${sourceDate().toISOString()}.`,
  );
  say(
    `Executables, Debian packages${withImages ? ' and images' : ''} would go to ${target}, with these notes:\n\n${notes}`,
  );
} else {
  if (problems.length > 0 || notes === undefined) refuse(problems);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const revision = git('rev-parse', 'HEAD');
  const date = sourceDate();
  // The same time for whatever is called from here.
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(date.getTime() / 1000) };
  const packages = [
    process.execPath,
    join(workspace, 'compose/packaging/main.ts'),
    'package',
    '--output',
    target,
  ] as const;
  process.stdout.write(runTool(packages, { cwd: workspace, env }));
  if (withImages) buildImages({ version, revision, date, target });
  await writeFile(join(target, NOTES), `${notes}\n`);
  const names = await writeChecksums(target);
  git('tag', '--annotate', tagOf(version), '--message', `${version}\n\n${notes}`);
  say(`${target}: ${[...names, CHECKSUMS].join(', ')}`);
  say(`The tag ${tagOf(version)} was made here; nothing was pushed: git push origin ${tagOf(version)}`);
}
