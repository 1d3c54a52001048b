// SPDX-License-Identifier: Apache-2.0
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseWantedName } from '../../archive-imports/wanted-name.ts';
import { ARTIFACT_PREFIX } from '../../container-images/disk-artifacts.ts';
import { imageVersionSchema } from '../../http/openapi/operation-schemas.ts';
import { OPERATIONS_API } from '../../http/permit-operation.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { lowerCased } from '../../operations/image-name.ts';
import type { CommandContext } from '../command-context.ts';
import { AnswerError } from '../exit-code.ts';
import { connectToEngine, type LeftOut, savedImages } from '../import/engine-archive.ts';
import { createProgress } from '../import/progress.ts';
import { addClientOptions, connectTo, type DatastoreClient } from './datastore-client.ts';
import { commitContainer, findContainer, removeImage, sizeOfImage } from './engine-commit.ts';
import { isJson } from './records.ts';

interface CaptureOptions {
  readonly as: string;
  readonly message?: string;
  readonly author?: string;
  readonly change?: readonly string[];
  readonly pause: boolean;
  readonly maxSize?: number;
  readonly dockerHost?: string;
}

function parseName(text: string): string {
  const parsed = parseWantedName(text);
  if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.reason);
  return text;
}

function parseSize(text: string): number {
  const parsed = byteSize().safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError('A size expected, such as 4096, 512M or 20G.');
  return parsed.data;
}

const addChange = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** What was begun is ended: the image that was made for it goes, whatever happened. */
async function removeHelper(engine: EngineClient, id: string, say: (text: string) => void): Promise<void> {
  try {
    await removeImage(engine, id);
  } catch (error) {
    say(`${errorMessage(error)}; the image that was made for it is still there: docker rmi ${id}`);
  }
}

/** @throws ConfigurationError for an image that is larger */
async function requireSmall(
  engine: EngineClient,
  id: string,
  { maxSize, signal }: { readonly maxSize: number; readonly signal: AbortSignal },
): Promise<void> {
  const sizeBytes = await sizeOfImage(engine, id, signal);
  if (sizeBytes <= maxSize) return;
  throw new ConfigurationError(
    `the container has ${sizeText(sizeBytes)}, and --max-size takes ${sizeText(maxSize)}: nothing was sent`,
  );
}

/** `datastore-app registry capture CONTAINER`. */
export function captureCommand(context: CommandContext): Command {
  const { stdout, stderr, signal } = context;
  const say = (text: string) => stderr.write(`${printableText(text)}\n`);
  const command = new Command('capture')
    .description(
      'Makes a container of a Docker engine, running or stopped, the next version of a repository: commits it, sends it, and removes the image that was made for it.',
    )
    .argument('<container>', 'its name or id')
    .addOption(
      new Option(
        '--as <name>',
        'a repository, such as lab/app: its next version and latest; lab/app:1.2: this tag alone',
      )
        .argParser(parseName)
        .makeOptionMandatory(),
    )
    .option('--message <text>', 'what has changed, for the history of the image')
    .option('--author <text>', 'who made it, such as "Ann <ann@example.org>"')
    .addOption(
      new Option(
        '--change <instruction>',
        'as in a Dockerfile, such as CMD ["app"]; may be repeated',
      ).argParser(addChange),
    )
    .option('--no-pause', 'let it run on meanwhile: files that are just written may be half there')
    .addOption(
      new Option(
        '--max-size <size>',
        'with all of its layers, such as 4G: what is larger is not sent',
      ).argParser(parseSize),
    )
    .addOption(new Option('--docker-host <address>', 'of the engine').env('DOCKER_HOST'));

  return addClientOptions(command).action(async (container: string) => {
    const { as, dockerHost, ...options } = command.opts<CaptureOptions>();
    const { text: name, notice } = lowerCased(as);
    if (notice !== undefined) say(notice);
    const engine = connectToEngine(dockerHost);
    const client = await connectTo(command, context);
    try {
      await capture({ engine, client }, container, name, options);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AnswerError('SOURCE_FAILED', 'stopped: nothing was captured', { cause: error });
    }
  });

  async function capture(
    { engine, client }: { readonly engine: EngineClient; readonly client: DatastoreClient },
    container: string,
    name: string,
    { maxSize, message, author, change: changes = [], pause: isPaused }: Omit<CaptureOptions, 'as'>,
  ): Promise<void> {
    // Nothing is made before somebody is there to take it.
    await client.ask('GET', `${REGISTRY_API}/repositories?n=1`);
    const found = await findContainer(engine, container, signal);
    const waits = () => say('stopping: waits for the engine to end what it has begun, to remove it again');
    signal.addEventListener('abort', waits, { once: true });
    const id = await commitContainer(engine, found.id, { message, author, changes, isPaused }).finally(() =>
      signal.removeEventListener('abort', waits),
    );
    const leftOut: LeftOut = { layers: 0, sizeBytes: 0 };
    try {
      if (maxSize !== undefined) await requireSmall(engine, id, { maxSize, signal });
      const saved = savedImages({ engine, client, signal }, { path: `/images/${id}/get` }, leftOut);
      const content = createProgress(context, isJson(command)).watch(found.name, saved, undefined);
      const path = `${OPERATIONS_API}/import?${new URLSearchParams({ image: `oci:${name}` })}`;
      const made = await client.upload(path, content, imageVersionSchema());
      for (const each of made.notices ?? []) say(each);
      const { digest, version } = made;
      const image = made.image.slice(ARTIFACT_PREFIX.length);
      if (isJson(command)) stdout.write(jsonText({ container: found.name, image, version, digest }));
      else stdout.write(`${image}  ${digest}\n`);
    } finally {
      await removeHelper(engine, id, say);
    }
    if (leftOut.layers > 0 && !isJson(command)) {
      say(
        `not sent, as it was there already: ${countText(leftOut.layers, 'layer')}, ${sizeText(leftOut.sizeBytes)}`,
      );
    }
  }
}
