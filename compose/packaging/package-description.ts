// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workspace } from '../program-bundle.ts';

/** The programs that are packaged. */
export const PROGRAMS = ['datastore-app', 'eve-agent'] as const;
export type Program = (typeof PROGRAMS)[number];

export const isProgram = (name: string): name is Program => (PROGRAMS as readonly string[]).includes(name);

/**
 * What a Debian package of one program has of its own. Its unit, user, folders and settings stand in
 * `PROGRAM/packaging/debian`, with the program's name before their kind.
 */
export interface PackageDescription {
  readonly name: Program;
  /** deb-control(5): one line, and what follows it, a line of text each. */
  readonly synopsis: string;
  readonly details: readonly string[];
  /** Files of `PROGRAM/packaging/debian` for the folder of examples. */
  readonly examples: readonly string[];
  /** Folders that a purge removes. */
  readonly purged: readonly string[];
  /** Folders that a purge removes only where they are empty. */
  readonly purgedIfEmpty: readonly string[];
}

export const DESCRIPTIONS: Readonly<Record<Program, PackageDescription>> = {
  'datastore-app': {
    name: 'datastore-app',
    synopsis: 'serves images to EVE devices, found by multicast DNS',
    details: [
      'Serves the images of a folder over HTTP and HTTPS as the downloader of EVE-OS',
      'needs them, is found by its name through multicast DNS, and is a registry of',
      'container images.',
      '.',
      'It brings its own Node.js, and a systemd service, which is not enabled by the',
      'installation.',
    ],
    examples: [],
    purged: ['/var/lib/datastore/state', '/etc/datastore-app'],
    // People have brought the images.
    purgedIfEmpty: ['/var/lib/datastore/images', '/var/lib/datastore'],
  },
  'eve-agent': {
    name: 'eve-agent',
    synopsis: 'finds EVE datastores by multicast DNS, downloads and verifies',
    details: [
      'Runs on a host that owns the bridges of EVE applications and does what the',
      'downloader of EVE-OS does: takes a device configuration, finds the datastore on',
      'the bridges, downloads its images, and verifies them.',
      '.',
      'One executable, which needs no Node.js, and a systemd service, which is not',
      'enabled by the installation.',
    ],
    examples: ['device.json', 'vms.conf'],
    // The images are copies of what datastores have.
    purged: ['/var/lib/eve-agent', '/etc/eve-agent'],
    purgedIfEmpty: [],
  },
};

/** The version that the program tells. */
export async function versionOf(name: Program): Promise<string> {
  const text = await readFile(join(workspace, name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
