import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { text } from 'node:stream/consumers';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { AnswerError } from '../exit-code.ts';
import { type ImportKind, outcomeOf } from './import-kind.ts';
import { sendArchive } from './send-archive.ts';

const PREFIX = 'docker-daemon:';
const DEFAULT_HOST = 'unix:///var/run/docker.sock';
const REFUSAL = z.object({ message: z.string() });

/**
 * Where an engine listens, as DOCKER_HOST says it.
 *
 * @throws ConfigurationError for what is spoken otherwise than by plain HTTP
 */
export function engineAddress(dockerHost: string | undefined): RequestOptions {
  const host = dockerHost || DEFAULT_HOST;
  const url = URL.parse(host);
  if (url?.protocol === 'unix:' && url.pathname !== '')
    return { socketPath: decodeURIComponent(url.pathname) };
  if ((url?.protocol === 'tcp:' || url?.protocol === 'http:') && url.hostname !== '') {
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'http:' ? '80' : '2375'),
    };
  }
  throw new ConfigurationError(
    `"${host}" is no address of a Docker engine that is spoken to here: unix:///var/run/docker.sock or tcp://127.0.0.1:2375`,
  );
}

/** Asks an engine for images as `docker save` writes them. @throws AnswerError, ConfigurationError */
async function saveImage(
  address: RequestOptions,
  image: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const place = address.socketPath ?? `${address.host}:${address.port}`;
  const path = `/images/get?${new URLSearchParams({ names: image })}`;
  const answer = await new Promise<IncomingMessage>((answered, failed) => {
    requestHttp({ ...address, path, signal, agent: false }, answered)
      .once('error', failed)
      .end();
  }).catch((error: unknown) => {
    throw new AnswerError(
      'SOURCE_FAILED',
      `no Docker engine answers at ${place} (${errorMessage(error)}): start it, or name it with DOCKER_HOST`,
      { cause: error },
    );
  });
  if (answer.statusCode === 200) return answer;
  const body = await text(answer).catch(() => '');
  let reason = `it answers ${answer.statusCode}`;
  try {
    reason = REFUSAL.parse(JSON.parse(body)).message;
  } catch {
    // Whoever answers is no engine.
  }
  if (answer.statusCode === 404) throw new ConfigurationError(`the Docker engine at ${place}: ${reason}`);
  throw new AnswerError('SOURCE_FAILED', `the Docker engine at ${place}: ${reason}`);
}

async function* contentOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* answer;
  } catch (error) {
    const reason = errorMessage(error);
    throw new AnswerError('SOURCE_FAILED', `the Docker engine stopped in the middle: ${reason}`, {
      cause: error,
    });
  }
}

/** Images of a Docker engine, or of what speaks as one. */
export const dockerDaemon: ImportKind = {
  form: 'docker-daemon:NAME:TAG',
  isKindOf: (source) => source.startsWith(PREFIX),
  async *importFrom(requests, deps) {
    for (const request of requests) {
      yield await outcomeOf(request.source, async () => {
        const image = request.source.slice(PREFIX.length);
        if (image === '') throw new ConfigurationError(`"${request.source}": name an image of the engine`);
        const answer = await saveImage(engineAddress(deps.dockerHost), image, deps.signal);
        return sendArchive(request, contentOf(answer), undefined, deps);
      });
    }
  },
};
