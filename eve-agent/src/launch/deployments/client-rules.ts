// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  type AlternativeName,
  type ClientIdentity,
  isSameAlternativeName,
  isSameName,
  type NameAttribute,
  parseAlternativeName,
  parseDistinguishedName,
} from './client-names.ts';
import { isOperation, OPERATIONS, type Operation } from './operations.ts';

/** Who may do what: a certificate must be all that the rule says of it. */
export interface ClientRule {
  readonly subject: readonly NameAttribute[] | null;
  readonly alternativeName: AlternativeName | null;
  readonly sha256: string | null;
  /** Names of deployments, in which `*` stands for any text. */
  readonly deployments: readonly string[];
  readonly operations: readonly Operation[];
}

/** A text that is read; where it cannot be, the schema says why. */
const read = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      const message = error instanceof RangeError ? error.message : 'it cannot be read';
      context.addIssue({ code: 'custom', message: `"${text}" is not usable: ${message}` });
      return z.NEVER;
    }
  });

function parseFingerprint(text: string): string {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new RangeError('it has not the 64 hexadecimal digits of a sha256');
  return hex;
}

function parseOperation(text: string): Operation {
  if (isOperation(text)) return text;
  throw new RangeError(`the operations are ${OPERATIONS.join(', ')}`);
}

function parsePattern(text: string): string {
  if (/^[A-Za-z0-9*][A-Za-z0-9_.*-]{0,127}$/.test(text)) return text;
  throw new RangeError('it is no name of deployments: letters, digits, ".", "_", "-" and "*" expected');
}

/** One entry of `clients` in the configuration. */
export const clientRuleSchema = z
  .strictObject({
    subject: read(parseDistinguishedName).optional(),
    san: read(parseAlternativeName).optional(),
    sha256: read(parseFingerprint).optional(),
    deployments: z.array(read(parsePattern)).default(['*']),
    operations: z.array(read(parseOperation)).default([...OPERATIONS]),
  })
  .refine(({ subject, san, sha256 }) => [subject, san, sha256].some((each) => each !== undefined), {
    error: 'it names nobody: "subject", "san" or "sha256" expected',
  })
  .transform(
    ({ subject = null, san = null, sha256 = null, deployments, operations }): ClientRule => ({
      ...{ subject, alternativeName: san, sha256, deployments, operations },
    }),
  );

const isMeant = ({ subject, alternativeName, sha256 }: ClientRule, client: ClientIdentity): boolean =>
  (subject === null || isSameName(subject, client.subject)) &&
  (alternativeName === null ||
    client.alternativeNames.some((name) => isSameAlternativeName(name, alternativeName))) &&
  (sha256 === null || sha256 === client.sha256);

/** Whether a pattern covers a name; in time that grows with their lengths alone. */
export function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first)) return false;
  const last = rest.at(-1) ?? '';
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/**
 * Whether somebody may do something with a deployment.
 *
 * @param rules null: there are none, and a valid certificate may do all, as with ed-daemon
 * @param deployment null: with any
 */
export function isPermitted(
  rules: readonly ClientRule[] | null,
  client: ClientIdentity,
  operation: Operation,
  deployment: string | null,
): boolean {
  if (rules === null) return true;
  return rules.some(
    (rule) =>
      rule.operations.includes(operation) &&
      (deployment === null || rule.deployments.some((pattern) => matchesPattern(pattern, deployment))) &&
      isMeant(rule, client),
  );
}
