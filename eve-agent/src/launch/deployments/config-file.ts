// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from 'node:fs/promises';
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { type EngineAddress, parseEngineAddress } from '@local-datastore/shared/engine/engine-address';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { isDeploymentName } from '../switch/names.ts';
import { type ClientRule, clientRuleSchema } from './client-rules.ts';
import { type DeploymentSettings, parseDeployment } from './deployment-settings.ts';

/** What the configuration says of a deployment: how it is run, or why it cannot be. */
export type DeploymentEntry =
  | { readonly kind: 'usable'; readonly settings: DeploymentSettings }
  | { readonly kind: 'unusable'; readonly name: string; readonly problem: string };

/** ed-daemon's `config.json`, and what this program takes beside it. */
export interface DeploymentsConfig {
  readonly engine: EngineAddress;
  /** Of the names of containers and images. */
  readonly prefix: string;
  readonly tls: {
    readonly certificate: string;
    readonly key: string;
    readonly clientCa: string;
    readonly clientCrl: string | undefined;
  };
  /** null: there is no list, and a valid certificate may do all. */
  readonly clients: readonly ClientRule[] | null;
  /** By name, in the order of the file; what has no usable name by its place, such as `deployments[2]`. */
  readonly deployments: ReadonlyMap<string, DeploymentEntry>;
  readonly maxImageBytes: number;
  /** What a person should know, as sentences. */
  readonly warnings: readonly string[];
}

/** ed-daemon's own. */
const DEFAULTS = {
  prefix: 'ed_',
  certificate: '/etc/edd/server.crt',
  key: '/etc/edd/server.key',
  clientCa: '/etc/edd/ca.crt',
} as const;
const DEFAULT_MAX_IMAGE_BYTES = 16 * 1024 ** 3;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPLOYMENTS = 500;

const text = () => z.string({ error: 'a text expected' }).min(1, { error: 'a text expected' });

/** The whole file; its entries are looked at one by one. */
const documentSchema = z.looseObject(
  {
    docker_socket: text().optional(),
    container_prefix: z.string({ error: 'a text expected' }).optional(),
    tls_key: text().optional(),
    tls_certs: text().optional(),
    mutual_tls_ca_certs: text().optional(),
    // ed-daemon up to its present version looks for this one.
    mututal_tls_ca_certs: text().optional(),
    deployments: z
      .array(z.unknown(), { error: 'a list of deployments expected' })
      .max(MAX_DEPLOYMENTS, { error: `at most ${MAX_DEPLOYMENTS} deployments expected` }),
    clients: z.array(z.unknown(), { error: 'a list expected' }).optional(),
    clientCrl: text().optional(),
    allow: z.array(text(), { error: 'a list of texts expected' }).default([]),
    allowedHostPaths: z
      .array(text().startsWith('/', { error: 'absolute paths expected' }), {
        error: 'a list of paths expected',
      })
      .default([]),
    maxImageSize: byteSize().optional(),
  },
  { error: 'an object in braces expected' },
);

const whyInvalid = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');

const unknownKeys = (document: object, known: readonly string[]) =>
  Object.keys(document).filter((key) => !known.includes(key));

function readClients(entries: readonly unknown[] | undefined, warnings: string[]): ClientRule[] | null {
  if (entries === undefined) return null;
  return entries.flatMap((entry, index) => {
    const rule = clientRuleSchema.safeParse(entry);
    if (rule.success) return [rule.data];
    warnings.push(`clients[${index}] permits nothing, as it cannot be used: ${whyInvalid(rule.error)}`);
    return [];
  });
}

/** What a name of a deployment must be, so that container and image can be called by it; null: it is. */
function whyNoName(name: string, prefix: string): string | null {
  // The narrower of both: Docker takes capitals for containers alone.
  if (!/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/.test(prefix + name) || name === '' || name.length > 100) {
    return `an image cannot be called "${prefix}${name}": small letters and digits expected, single ".", "_" or "-" between them`;
  }
  if (!isDeploymentName(name)) return 'other versions of a deployment are called so: choose another name';
  return null;
}

const namedSchema = z.looseObject({ name: z.string() });

function readDeployments(
  entries: readonly unknown[],
  { prefix, allow, allowedHostPaths }: { prefix: string; allow: string[]; allowedHostPaths: string[] },
  warnings: string[],
): Map<string, DeploymentEntry> {
  const found = new Map<string, DeploymentEntry>();
  for (const [index, entry] of entries.entries()) {
    const place = `deployments[${index}]`;
    const unusable = (name: string, problem: string) => found.set(name, { kind: 'unusable', name, problem });
    const named = namedSchema.safeParse(entry);
    if (!named.success) {
      unusable(place, 'it has no name: {"name": "…", "args": […]} expected');
      continue;
    }
    const { name } = named.data;
    const why = found.has(name)
      ? `"${name}" stands there more than once: the first one counts`
      : whyNoName(name, prefix);
    if (why !== null) {
      unusable(place, why);
      continue;
    }
    const parsed = parseDeployment(named.data, { allow, allowedHostPaths });
    if (parsed.unknown.length > 0)
      warnings.push(`deployment ${name}: unknown key ${parsed.unknown.join(', ')}`);
    if (parsed.problem === null) found.set(name, { kind: 'usable', settings: parsed.settings });
    else unusable(name, parsed.problem);
  }
  return found;
}

/** @throws Error: one clause, in which "it" is the file */
export function parseDeploymentsConfig(content: string): DeploymentsConfig {
  let json: unknown;
  try {
    json = JSON.parse(content.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`it is no JSON: ${errorMessage(error)}`, { cause: error });
  }
  const read = documentSchema.safeParse(json);
  if (!read.success) throw new Error(`it cannot be used: ${whyInvalid(read.error)}`);
  const document = read.data;
  const { mutual_tls_ca_certs: spelt, mututal_tls_ca_certs: misspelt } = document;
  if (spelt !== undefined && misspelt !== undefined && spelt !== misspelt) {
    throw new Error('mutual_tls_ca_certs and mututal_tls_ca_certs are the same, and name two files');
  }
  const warnings: string[] = [];
  const unknown = unknownKeys(document, Object.keys(documentSchema.shape));
  if (unknown.length > 0) warnings.push(`unknown key ${unknown.join(', ')}: nothing is done by it`);
  const prefix = document.container_prefix ?? DEFAULTS.prefix;
  return {
    engine: parseEngineAddress(document.docker_socket),
    prefix,
    tls: {
      certificate: document.tls_certs ?? DEFAULTS.certificate,
      key: document.tls_key ?? DEFAULTS.key,
      clientCa: spelt ?? misspelt ?? DEFAULTS.clientCa,
      clientCrl: document.clientCrl,
    },
    clients: readClients(document.clients, warnings),
    deployments: readDeployments(document.deployments, { ...document, prefix }, warnings),
    maxImageBytes: document.maxImageSize ?? DEFAULT_MAX_IMAGE_BYTES,
    warnings,
  };
}

/** @throws ConfigurationError naming the file */
export async function readDeploymentsConfig(file: string): Promise<DeploymentsConfig> {
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
    return parseDeploymentsConfig(await readFile(file, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(`deployments in ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
