// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { parseYaml } from '@local-datastore/shared/files/yaml-file';
import * as z from 'zod';

/** What user data comes to for a container. */
export type Environment =
  | {
      readonly isUsable: true;
      /** Name and value, in their order; a name stands once. */
      readonly variables: readonly (readonly [string, string])[];
      /** What of it nothing is done with. No value stands in them. */
      readonly warnings: readonly string[];
    }
  /** No value of the user data stands in the message: it may be a secret. */
  | { readonly isUsable: false; readonly problem: string };

const CLOUD_CONFIG = '#cloud-config';
/** `KEY=value`, as the shell would take it in a command of `runcmd`. */
const ASSIGNMENT = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;
const MAX_VARIABLES = 1000;

const cloudConfigSchema = z.looseObject({
  runcmd: z.array(z.union([z.string(), z.array(z.string())])).default([]),
});

const unusable = (problem: string): Environment => ({ isUsable: false, problem });

function usable(pairs: readonly (readonly [string, string])[], warnings: readonly string[]): Environment {
  if (pairs.length > MAX_VARIABLES) return unusable(`more than ${MAX_VARIABLES} variables`);
  return { isUsable: true, variables: [...new Map(pairs)], warnings };
}

/** The value as the shell takes it where it is in quotes; nothing is expanded. */
const unquoted = (value: string) => /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value;

/** EVE takes assignments out of the commands of a container's cloud-config; there is nothing that would run others. */
function readCloudConfig(text: string): Environment {
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch (error) {
    return unusable(`the cloud-config cannot be read: ${errorMessage(error)}`);
  }
  const parsed = cloudConfigSchema.safeParse(document ?? {});
  if (!parsed.success) return unusable('the cloud-config cannot be read: runcmd is no list of commands');
  const { runcmd, ...others } = parsed.data;
  const commands = runcmd.map((command) => (typeof command === 'string' ? command : command.join(' ')));
  const found = commands.map((command) => ASSIGNMENT.exec(command.trim()));
  const pairs = found.flatMap((match) =>
    match === null ? [] : [[match[1] ?? '', unquoted(match[2] ?? '')] as const],
  );
  const count = found.length - pairs.length;
  const warnings = [
    ...(count > 0
      ? [`${count} of the commands in runcmd are no assignments: nothing runs them in a container`]
      : []),
    ...Object.keys(others).map((key) => `${key} of the cloud-config: nothing is done by it in a container`),
  ];
  return usable(pairs, warnings);
}

/**
 * The environment of a container, as EVE reads it from an app's user data: `KEY=value` lines, or a cloud-config whose
 * commands are assignments. EVE refuses a line without "="; blank lines and comments are passed over here.
 *
 * @param userData base64
 */
export function readEnvironment(userData: string): Environment {
  const text = Buffer.from(userData, 'base64').toString();
  if (text.startsWith(CLOUD_CONFIG)) return readCloudConfig(text);
  const pairs: (readonly [string, string])[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 1) return unusable(`line ${i + 1} is no KEY=value`);
    pairs.push([line.slice(0, equals), line.slice(equals + 1)]);
  }
  if (pairs.some((pair) => pair.join('').includes('\0'))) return unusable('it is no text');
  return usable(pairs, []);
}
