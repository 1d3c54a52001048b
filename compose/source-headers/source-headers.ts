// SPDX-License-Identifier: Apache-2.0
import { globSync } from 'node:fs';
import { join } from 'node:path';

const LICENCE = 'SPDX-License-Identifier: Apache-2.0';

/** How a comment of one line is written, by how the name of a file ends. What cannot hold one, such as JSON, has none. */
const COMMENT: Readonly<Record<string, (text: string) => string>> = {
  ts: (text) => `// ${text}`,
  tsx: (text) => `// ${text}`,
  css: (text) => `/* ${text} */`,
  sh: (text) => `# ${text}`,
  py: (text) => `# ${text}`,
  yaml: (text) => `# ${text}`,
  capnp: (text) => `# ${text}`,
  Dockerfile: (text) => `# ${text}`,
  run: (text) => `# ${text}`,
};

/** What is told by the very first line: an interpreter, and to cloud-init that it is for it. */
const HAS_TO_BE_FIRST = /^#(?:!|cloud-config$)/;

const endingOf = (path: string): string => /[^./]+$/.exec(path)?.[0] ?? '';

/**
 * The sources of the project: what was written by hand, and can hold a comment.
 *
 * @param top of the workspace
 * @returns paths from there, in order
 */
export function listSources(top: string): string[] {
  const folders = ['.ci', 'compose', 'datastore-app', 'eve-agent', 'shared', 'test'];
  return globSync(['*.ts', ...folders.map((folder) => `${folder}/**/*`)], {
    cwd: top,
    exclude: ['**/node_modules/**', '**/dist/**'],
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile() && Object.hasOwn(COMMENT, endingOf(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
    .sort();
}

/**
 * A source with its licence by its SPDX identifier (SPDX 2.3, annex E) on the first line that is free for it.
 *
 * @param path for how comments are written in it
 */
export function withHeader(path: string, text: string): string {
  const comment = COMMENT[endingOf(path)];
  if (comment === undefined) throw new Error(`${path}: no comment can stand in it`);
  const header = comment(LICENCE);
  const lines = text.split('\n').filter((line) => line !== header);
  const behind = HAS_TO_BE_FIRST.test(lines[0] ?? '') ? 1 : 0;
  return lines.toSpliced(behind, 0, header).join('\n');
}
