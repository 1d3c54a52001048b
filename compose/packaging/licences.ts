// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workspace } from '../program-bundle.ts';

/** The folder of the package that a bundled file comes from, such as `node_modules/@scope/name`. */
export function packageFolder(input: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0];
}

async function readLicence(folder: string): Promise<string> {
  const absolute = join(workspace, folder);
  const { name, version, license } = JSON.parse(await readFile(join(absolute, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license: string;
  };
  const file = (await readdir(absolute)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : await readFile(join(absolute, file), 'utf8');
  return `${name} ${version}, ${license}\n\n${text.trim()}`;
}

const RULE = `\n\n${'='.repeat(78)}\n\n`;

/**
 * The licences of the packages that bundled files come from, and of Node, as one text.
 *
 * @param inputs files below the workspace
 * @param nodeFolder where Node's own `LICENSE` stands
 */
export async function collectLicences(inputs: readonly string[], nodeFolder: string): Promise<string> {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const texts = await Promise.all([...folders].sort().map(readLicence));
  const node = `Node.js\n\n${(await readFile(join(nodeFolder, 'LICENSE'), 'utf8')).trim()}`;
  return `${[...texts, node].join(RULE)}\n`;
}
