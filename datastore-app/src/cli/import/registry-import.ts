// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import type { Command } from 'commander';
import { decideImport, type ImportRequest } from '../../registry-imports/import-request.ts';
import { DOCKER_SCHEME } from '../../registry-imports/import-source.ts';
import type { CommandContext } from '../command-context.ts';
import { AnswerError } from '../exit-code.ts';
import { connectTo, type DatastoreClient } from '../registry/datastore-client.ts';
import { isJson } from '../registry/records.ts';
import { beginImport, followImport, importErrorOf } from './follow-imports.ts';
import { createImportView, type ImportView, jobDocument, outcomeText } from './import-views.ts';
import { mirror, mirrorDocument, mirrorSummary } from './mirror.ts';
import { readMirrorList } from './mirror-list.ts';

/** Of {@link addRegistryOptions}, and of all sources. */
export interface RegistryImportOptions {
  readonly as?: string;
  readonly platform?: readonly string[];
  readonly insecure?: true;
  readonly sourceUser?: string;
  readonly sourcePasswordFile?: string;
  readonly detach?: true;
}

const MAX_PASSWORD_BYTES = 4096;

/** The credential of the registry that is imported from; never as an argument, which others of the machine can see. */
function credentialsOf({
  sourceUser: user,
  sourcePasswordFile: file,
}: RegistryImportOptions): ImportRequest['credentials'] {
  if (user === undefined && file === undefined) return undefined;
  if (user === undefined || file === undefined) {
    throw new ConfigurationError('--source-user and --source-password-file belong together');
  }
  let password: string;
  try {
    password = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigurationError(`--source-password-file ${file} cannot be read: ${errorMessage(error)}`);
  }
  if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new ConfigurationError(
      `--source-password-file ${file}: a password of 1 to ${MAX_PASSWORD_BYTES} bytes expected`,
    );
  }
  return { user, password };
}

/** What the datastore is asked for. @throws ConfigurationError before it is asked */
export function requestOf(source: string, options: RegistryImportOptions): ImportRequest {
  const { as, platform, insecure } = options;
  const credentials = credentialsOf(options);
  const request: ImportRequest = {
    source,
    ...(as !== undefined && { as }),
    ...(platform !== undefined && { platforms: [...platform] }),
    ...(insecure === true && { insecure }),
    ...(credentials !== undefined && { credentials }),
  };
  const decided = decideImport(request);
  if (decided.kind === 'invalid') throw new ConfigurationError(`"${source}": ${decided.reason}`);
  return request;
}

async function importOne(
  { stdout, signal }: CommandContext,
  { client, view, isDocument }: { client: DatastoreClient; view: ImportView; isDocument: boolean },
  request: ImportRequest,
  isDetached: boolean,
): Promise<void> {
  const begun = await beginImport(client, request);
  const cancel = `datastore-app registry imports --cancel ${begun.id}`;
  const job = isDetached ? begun : await followImport(client, begun, view.look, signal);
  if (isDocument) stdout.write(jsonText(jobDocument(job)));
  if (isDetached) {
    if (!isDocument) stdout.write(`${job.id}\n`);
    return;
  }
  for (const note of job.notes) view.say(note);
  if (job.state === 'queued' || job.state === 'running') {
    view.say(`the import goes on in the datastore; ${cancel} ends it`);
    return;
  }
  if (job.state !== 'done') throw importErrorOf(job);
  view.clear();
  if (!isDocument) stdout.write(`${outcomeText(job)}\n`);
}

/** What a command takes for sources in registries. */
export const addRegistryOptions = (command: Command): Command =>
  command
    .option('--insecure', 'of docker://: speak http to the registry')
    .option('--source-user <name>', 'of docker://: name for the registry')
    .option('--source-password-file <file>', 'of docker://: file with the password for it')
    .option('--detach', 'of docker://: print the id of the import, and do not wait for its end')
    .option('--mirror <list>', 'YAML file with many images of registries: one that fails stops no other');

export const isRegistrySource = (source: string): boolean => source.startsWith(DOCKER_SCHEME);

/** Imports all of a list. @throws AnswerError where one could not be imported */
export async function importMirror(context: CommandContext, command: Command, file: string): Promise<void> {
  const isDocument = isJson(command);
  const entries = readMirrorList(file);
  const client = await connectTo(command, context);
  const outcomes = await mirror(client, entries, createImportView(context, isDocument), context.signal);
  const { sentence, failed } = mirrorSummary(outcomes);
  if (isDocument) context.stdout.write(jsonText(mirrorDocument(outcomes)));
  else context.stderr.write(`${sentence}\n`);
  if (failed === 0) return;
  throw new AnswerError('SOURCE_FAILED', `${failed} of ${outcomes.length} entries could not be imported`);
}

/** `datastore-app import docker://REF…`. */
export async function importFromRegistries(
  context: CommandContext,
  command: Command,
  sources: readonly string[],
): Promise<void> {
  const options = command.opts<RegistryImportOptions>();
  const isDocument = isJson(command);
  const requests = sources.map((source) => requestOf(source, options));
  const view = createImportView(context, isDocument);
  const client = await connectTo(command, context);
  for (const request of requests) {
    await importOne(context, { client, view, isDocument }, request, options.detach === true);
    if (context.signal.aborted) break;
  }
}
