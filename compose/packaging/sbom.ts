// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workspace } from '../program-bundle.ts';
import { packageFolder } from './licences.ts';

/** A bill of materials, as CycloneDX 1.6 has it (ECMA-424), as far as it is written here. */
export interface Sbom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

export interface Component {
  readonly type: 'application' | 'library' | 'platform';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  /** Package URL (ECMA-427). */
  readonly purl?: string;
  readonly licenses?: readonly (
    | { readonly license: { readonly id: string } }
    | { readonly expression: string }
  )[];
  /** Of the package's archive, as npm checks it. */
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
  /** What is in it. */
  readonly components?: readonly Component[];
}

/** What a bill is written of. */
export interface SbomSubject {
  readonly name: string;
  readonly version: string;
  /** Files below the workspace that the bundle holds something of; others are no part of it. */
  readonly contents: readonly string[];
  /** Whether a Node of its own belongs to it. */
  readonly hasNode: boolean;
}

/** Of Node and what it is linked with, by name, as `process.versions` has them. */
type Versions = Readonly<Record<string, string | undefined>>;

/** What package-lock.json says of a package. */
interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
}

/** One licence by its SPDX identifier, several as an expression. */
const licensesOf = (license: string | undefined): Pick<Component, 'licenses'> =>
  license === undefined
    ? {}
    : { licenses: [/^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license }] };

/** `@scope/name` → `pkg:npm/%40scope/name@version`. */
const npmUrl = (name: string, version: string) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

function libraryOf(folder: string, { version, license, integrity }: Locked): Component {
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const purl = npmUrl(name, version);
  const [algorithm, digest = ''] = integrity?.split('-') ?? [];
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...licensesOf(license),
    ...(algorithm === 'sha512' && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
    }),
  };
}

const genericComponent = (type: Component['type'], name: string, version: string): Component => {
  const purl = `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
  return { type, 'bom-ref': purl, name, version, purl };
};

/** Node with what it is linked with, as the one that runs this says, which is of the same version. */
function nodeComponent({ node = '', ...parts }: Versions): Component {
  // An interface of Node's rather than a part.
  const { modules: _, ...linked } = parts;
  return {
    ...genericComponent('platform', 'node', node),
    ...licensesOf('MIT'),
    components: Object.entries(linked)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, version = '']) => genericComponent('library', name, version)),
  };
}

/** The serial number is of the content (RFC 9562, version 8), so that the same sources make the same bill. */
function serialNumberOf(content: object): string {
  const digits = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
  ];
  return `urn:uuid:${[...parts, digits.slice(20, 32)].join('-')}`;
}

/**
 * The bill of materials of a program that was built: the packages of which something is in it.
 *
 * @param lock what package-lock.json holds, by folder
 * @throws Error when a package is in it that the lock file does not name
 */
export function describeMaterials(
  { name, version, contents, hasNode }: SbomSubject,
  lock: Readonly<Record<string, Locked>>,
  versions: Versions = process.versions,
): Sbom {
  const folders = new Set(contents.map(packageFolder).filter((folder) => folder !== undefined));
  const libraries = [...folders].sort().map((folder) => {
    const locked = lock[folder];
    if (locked === undefined) throw new Error(`package-lock.json has no ${folder}`);
    return libraryOf(folder, locked);
  });
  // The same package may stand in two folders, each with the version that a workspace needs.
  const distinct = [...new Map(libraries.map((library) => [library.purl, library])).values()];
  const content = {
    metadata: {
      component: { ...genericComponent('application', name, version), ...licensesOf('Apache-2.0') },
    },
    components: [...distinct, ...(hasNode ? [nodeComponent(versions)] : [])],
  };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: serialNumberOf(content),
    version: 1,
    ...content,
  };
}

/** The text of a bill, in the versions of package-lock.json. As {@link describeMaterials}. */
export async function sbomText(subject: SbomSubject): Promise<string> {
  const { packages } = JSON.parse(await readFile(join(workspace, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  return `${JSON.stringify(describeMaterials(subject, packages), null, 2)}\n`;
}

/** What a bill is called that stands beside or in what it describes. */
export const SBOM_NAME = 'sbom.cdx.json';
