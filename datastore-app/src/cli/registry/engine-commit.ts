// SPDX-License-Identifier: Apache-2.0
import { type EngineClient, isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { AnswerError } from '../exit-code.ts';
import { ofEngine } from '../import/engine-archive.ts';

/** How a container is committed. */
export interface CommitWish {
  readonly message?: string | undefined;
  readonly author?: string | undefined;
  /** Instructions as in a Dockerfile, such as `CMD ["app"]`. */
  readonly changes: readonly string[];
  /** It stands still meanwhile, so that its files belong together. */
  readonly isPaused: boolean;
}

const CONTAINER = z.object({ Id: z.string().regex(/^[0-9a-f]{12,64}$/), Name: z.string() });
const COMMITTED = z.object({ Id: z.string().regex(/^sha256:[0-9a-f]{64}$/) });
const SIZED = z.object({ Size: z.number().nonnegative() });

/** Of what an engine answers: a document of another form is none of an engine. @throws AnswerError */
function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new AnswerError('SOURCE_FAILED', `the container engine answers something else than ${what}`);
}

/** A container as the engine knows it. @throws ConfigurationError, AnswerError */
export async function findContainer(
  engine: EngineClient,
  container: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly name: string }> {
  const path = `/containers/${encodeURIComponent(container)}/json`;
  const found = parseAnswer(CONTAINER, await ofEngine(engine.ask('GET', path, { signal })), 'a container');
  return { id: found.Id, name: found.Name.replace(/^\//, '') };
}

/**
 * Makes an image of a container. An engine that has begun goes on though nobody waits any more: who ends it waits all
 * the same, to know what is to be removed.
 *
 * @returns the id of the image, which has no name
 * @throws ConfigurationError, AnswerError
 */
export async function commitContainer(
  engine: EngineClient,
  id: string,
  { message, author, changes, isPaused }: CommitWish,
): Promise<string> {
  const query = {
    container: id,
    pause: String(isPaused),
    ...(message !== undefined && { comment: message }),
    ...(author !== undefined && { author }),
    ...(changes.length > 0 && { changes: changes.join('\n') }),
  };
  const { signal } = new AbortController();
  try {
    return parseAnswer(COMMITTED, await engine.ask('POST', '/commit', { query, signal }), 'an image').Id;
  } catch (error) {
    if ([403, 404, 405, 501].some((status) => isEngineStatus(error, status))) {
      throw new ConfigurationError(
        `${errorMessage(error)}: it does not let a container be made an image (POST /commit)`,
        { cause: error },
      );
    }
    return ofEngine(Promise.reject(error));
  }
}

/** How large an image is, with all of its layers. @throws ConfigurationError, AnswerError */
export async function sizeOfImage(engine: EngineClient, id: string, signal: AbortSignal): Promise<number> {
  const answer = await ofEngine(engine.ask('GET', `/images/${id}/json`, { signal }));
  return parseAnswer(SIZED, answer, 'an image').Size;
}

/** An engine that does not even remove a name is not waited for. */
const REMOVE_MS = 60_000;

/** Removes an image, and no other with it. What is gone is gone. @throws EngineError */
export async function removeImage(engine: EngineClient, id: string): Promise<void> {
  const signal = AbortSignal.timeout(REMOVE_MS);
  await engine
    .ask('DELETE', `/images/${id}`, { query: { noprune: 'true' }, signal })
    .catch((error: unknown) => {
      if (!isEngineStatus(error, 404)) throw error;
    });
}
