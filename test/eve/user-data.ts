// SPDX-License-Identifier: Apache-2.0
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';

/** A file that EVE writes into the container's root file system, before volumes are mounted. */
export interface WrittenFile {
  readonly path: string;
  readonly content: string;
  /** Octal, as EVE wants it. */
  readonly permissions: string;
}

/** What EVE makes of the user data of a container app. */
export interface UserData {
  readonly environment: Readonly<Record<string, string>>;
  readonly files: readonly WrittenFile[];
}

/**
 * What EVE takes from `#cloud-config` for a container (pkg/pillar/utils/cloudconfig); it ignores the rest. A
 * file without permissions fails there when it is written, one without content before.
 */
const CLOUD_CONFIG = z.object({
  runcmd: z.array(z.string()).default([]),
  write_files: z
    .array(
      z.object({
        path: z.string().startsWith('/'),
        content: z.string().min(1),
        permissions: z.string().regex(/^[0-7]{3,4}$/),
      }),
    )
    .default([]),
});

/** One assignment, as EVE's parseEnvVariablesFromCloudInit cuts it: spaces and quotes at the ends go. */
function parseAssignment(line: string): [string, string] | undefined {
  const end = line.indexOf('=');
  const [name, value] = end === -1 ? [line, ''] : [line.slice(0, end), line.slice(end + 1)];
  const trim = (text: string) => text.replaceAll(/^[ "]+|[ "]+$/g, '');
  const key = trim(name);
  if (key === '' || key.startsWith('#')) return undefined;
  if (end === -1) throw new Error(`EVE refuses the user data: "${line}" is no KEY=value`);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) throw new Error(`EVE refuses the name "${key}"`);
  // EVE puts the value between double quotes twice: for its own parser, and for the shell that starts the app.
  if (/["\\$`\r]/.test(value.replaceAll(/^[ "]+|[ "]+$/g, ''))) {
    throw new Error(`EVE's shell would change the value of ${key}`);
  }
  return [key, trim(value)];
}

/**
 * Reads the user data of a container app by the rules of EVE (pkg/pillar/cmd/domainmgr): `KEY=value` lines,
 * or `#cloud-config`, where `runcmd` holds such assignments.
 *
 * @throws when EVE would refuse it, or would hand over other values than are written there
 */
export function parseUserData(text: string): UserData {
  const isCloudConfig = text.split('\n', 1)[0]?.startsWith('#cloud-config') === true;
  const { runcmd: lines, write_files: files } = isCloudConfig
    ? CLOUD_CONFIG.parse(parseYaml(text))
    : { runcmd: text.split('\n'), write_files: [] };
  const assignments = lines.map(parseAssignment).filter((pair) => pair !== undefined);
  return { environment: Object.fromEntries(assignments), files };
}
