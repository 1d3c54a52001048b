// SPDX-License-Identifier: Apache-2.0
import { closeSync, createReadStream, existsSync, fstatSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonLine, jsonText } from '@local-datastore/shared/text/json-text';
import { brokenOff } from '../../api/client-errors.ts';
import { askForLines } from '../../api/operation-client.ts';
import type { ChangingOperation } from '../../launch/deployments/operations.ts';
import { agentPlaceOf, type ClientOptions } from '../agent-client.ts';
import type { CommandContext } from '../command-context.ts';
import { failureText, resultText } from './deploy-text.ts';
import { OperationError } from './errors.ts';
import { type FailedLine, operationLineSchema } from './operation-lines.ts';
import { createOperationView } from './operation-view.ts';

/** An archive that is sent. */
export interface SentArchive {
  readonly body: Readable;
  /** null: nobody knows, as of a pipe. */
  readonly sizeBytes: number | null;
}

const STANDARD_INPUT = '-';
/** Standard input as a file, whatever it is. */
const STANDARD_INPUT_PATH = '/dev/stdin';
const PIECE_BYTES = 128 * 1024;

/**
 * Opens an archive to send.
 *
 * @param file `-` is standard input
 * @throws ConfigurationError
 */
export function openArchive(file: string): SentArchive {
  const path = file === STANDARD_INPUT ? STANDARD_INPUT_PATH : file;
  try {
    // At once: nobody listens to what opens later.
    const fd = openSync(path, 'r');
    const facts = fstatSync(fd);
    if (facts.isDirectory()) {
      closeSync(fd);
      throw new Error('it is a folder: the archive of an image is expected');
    }
    const body = createReadStream(path, { fd, highWaterMark: PIECE_BYTES });
    return { body, sizeBytes: facts.isFile() && file !== STANDARD_INPUT ? facts.size : null };
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

/** Which of two words is the archive: the first, unless the second alone is there. */
export function sortLoadArguments(
  first: string,
  second: string,
): { readonly file: string; readonly name: string } {
  const isArchive = (text: string) => text === STANDARD_INPUT || existsSync(text);
  return !isArchive(first) && isArchive(second)
    ? { file: second, name: first }
    : { file: first, name: second };
}

/** What stands in the path; whatever a name is. */
export const deploymentPath = (name: string, action = ''): string =>
  `/v1/deployments/${encodeURIComponent(name)}${action === '' ? '' : `/${action}`}`;

const CONTENT_CODE =
  /^(?:ARCHIVE_|CONFIG_|LAYER_|MANIFEST_|NO_IMAGE|SEVERAL_IMAGES|PLATFORM_MISMATCH|IMAGE_DIFFERS)/;

function failureOf(line: FailedLine): OperationError {
  const { status, code = '', serving = null } = line;
  const kind =
    status === 507
      ? 'OPERATION_NO_SPACE'
      : CONTENT_CODE.test(code)
        ? 'OPERATION_CONTENT'
        : 'OPERATION_FAILED';
  return new OperationError(kind, failureText(line), { details: { status, code, serving, logs: line.logs } });
}

/**
 * Carries an operation out, and prints what came of it.
 *
 * @throws AgentApiError where it is refused; OperationError where it fails
 */
export async function runOperation(
  { stdout, stderr, signal }: CommandContext,
  options: ClientOptions,
  name: string,
  operation: ChangingOperation,
  more: { readonly archive?: SentArchive; readonly query?: URLSearchParams } = {},
): Promise<void> {
  const { archive, query } = more;
  const place = agentPlaceOf(options);
  const isJson = options.json === true;
  const view = createOperationView(stderr, archive?.sizeBytes ?? null, () => performance.now());
  const path = operation === 'delete' ? deploymentPath(name) : deploymentPath(name, operation);
  const wanted = {
    method: operation === 'delete' ? ('DELETE' as const) : ('POST' as const),
    path: query === undefined ? path : `${path}?${query}`,
    ...(archive && { body: archive.body, bodyBytes: archive.sizeBytes ?? undefined }),
    ...(archive && !isJson && { onSent: view.sent }),
  };
  try {
    for await (const document of askForLines(place, wanted, signal)) {
      const line = operationLineSchema.parse(document);
      if (line.event === 'done') {
        const { event: _, ...result } = line;
        view.stop();
        stdout.write(isJson ? jsonText(result) : resultText(result));
        return;
      }
      if (line.event === 'failed') throw failureOf(line);
      if (isJson) stderr.write(jsonLine(line));
      else view.line(line);
    }
  } finally {
    view.stop();
    archive?.body.destroy();
  }
  throw brokenOff(new Error('it did not say what came of the operation'));
}
