// SPDX-License-Identifier: Apache-2.0
import type { EngineClient, EngineMethod, EngineRequest } from '@local-datastore/shared/engine/engine-client';
import { EngineError, isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import type * as z from 'zod';
import type { ContainerEngine } from './container-engine.ts';
import {
  containerListSchema,
  containerSchema,
  createdSchema,
  execEndSchema,
  imageListSchema,
  imageSchema,
  infoSchema,
  networkSchema,
  toContainerSpec,
  toContainerView,
} from './engine-documents.ts';
import { readLogLines } from './log-stream.ts';
import { divideNetworks, findUnsupportedNetworks } from './several-networks.ts';

/** What is neither asked to end nor to load something answers within this, also on a slow disk. */
const CALL_LIMIT_MS = 120_000;
/** Beyond the stop timeout, for an engine that is slow to kill. */
const STOP_SLACK_MS = 60_000;
/** The engine's own, where a container has none. */
const DEFAULT_STOP_SECONDS = 10;
/** Nothing is waited for longer; a container may say "for ever" (-1). */
const MAX_STOP_SECONDS = 3600;
const MAX_OUTPUT_BYTES = 4096;

/** Of an unknown answer what a schema finds in it. @throws EngineError */
function read<T extends z.ZodType>(schema: T, answer: unknown): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'ENGINE_REFUSED',
    `the container engine answers something else than was asked: ${errorMessage(parsed.error).slice(0, 500)}`,
    null,
    { cause: parsed.error },
  );
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isEngineStatus(error, 404)) return null;
    throw error;
  }
}

/** The typed operations over the API of an engine. */
export function openContainerEngine(client: EngineClient): ContainerEngine {
  /** Asks within a limit: an engine that hangs is one that is away. */
  async function ask(
    method: EngineMethod,
    path: string,
    wanted: EngineRequest,
    limitMs = CALL_LIMIT_MS,
  ): Promise<unknown> {
    const limit = AbortSignal.timeout(limitMs);
    try {
      return await client.ask(method, path, { ...wanted, signal: AbortSignal.any([wanted.signal, limit]) });
    } catch (error) {
      if (!limit.aborted || wanted.signal.aborted) throw error;
      const message = `the container engine has not answered within ${limitMs / 1000} s`;
      throw new EngineError('ENGINE_UNREACHABLE', message, null, { cause: error });
    }
  }

  const pathOf = (container: string, action: string) =>
    `/containers/${encodeURIComponent(container)}${action === '' ? '' : `/${action}`}`;
  const inspectDocument = async (container: string, signal: AbortSignal) =>
    read(containerSchema, await ask('GET', pathOf(container, 'json'), { signal }));

  /** Stops or restarts, and waits for as long as the container may take. */
  async function end(container: string, action: 'stop' | 'restart', signal: AbortSignal): Promise<void> {
    const { Config } = await inspectDocument(container, signal);
    const wanted = Config.StopTimeout ?? DEFAULT_STOP_SECONDS;
    const seconds = wanted < 0 ? MAX_STOP_SECONDS : Math.min(wanted, MAX_STOP_SECONDS);
    const query = { t: String(seconds) };
    await ask('POST', pathOf(container, action), { query, signal }, seconds * 1000 + STOP_SLACK_MS);
  }

  const engine: ContainerEngine = {
    async ping(signal) {
      await ask('GET', '/_ping', { signal }, CALL_LIMIT_MS).catch((error: unknown) => {
        // It answers a word, not a document.
        if (!(error instanceof SyntaxError)) throw error;
      });
    },

    async list(label, signal) {
      const query = { all: 'true', filters: JSON.stringify({ label: [label] }) };
      const listed = read(containerListSchema, await ask('GET', '/containers/json', { query, signal }));
      return listed.map(({ Id }) => Id);
    },

    async inspect(container, signal) {
      const document = await unlessMissing(inspectDocument(container, signal));
      return document === null ? null : toContainerView(document);
    },

    async readSpec(container, signal) {
      return toContainerSpec(await inspectDocument(container, signal));
    },

    async create(name, spec, signal) {
      const hasSeveral = Object.keys(spec.NetworkingConfig?.EndpointsConfig ?? {}).length > 1;
      const api = hasSeveral ? await client.apiVersion(signal) : null;
      const problems = api === null ? [] : findUnsupportedNetworks(spec, api);
      if (problems.length > 0) throw new EngineError('ENGINE_REFUSED', problems.join('; '), null);
      const [json, later] = api === null ? ([spec, []] as const) : divideNetworks(spec, api);
      const answer = await ask('POST', '/containers/create', { query: { name }, json, signal });
      const id = read(createdSchema, answer).Id;
      try {
        for (const { network, endpoint: EndpointConfig } of later) {
          const path = `/networks/${encodeURIComponent(network)}/connect`;
          await ask('POST', path, { json: { Container: id, EndpointConfig }, signal });
        }
      } catch (error) {
        // One without all of its networks is none; where this fails too, it has a name by which it is found and goes.
        await engine.remove(id, true, signal).catch(() => {});
        throw error;
      }
      return id;
    },

    async start(container, signal) {
      await ask('POST', pathOf(container, 'start'), { signal });
    },

    stop: (container, signal) => end(container, 'stop', signal),
    restart: (container, signal) => end(container, 'restart', signal),

    async remove(container, hasVolumes, signal) {
      const query = { force: 'true', v: String(hasVolumes) };
      try {
        await unlessMissing(ask('DELETE', pathOf(container, ''), { query, signal }));
      } catch (error) {
        // "removal of container … is already in progress"
        if (!isEngineStatus(error, 409) || !/already in progress/.test(errorMessage(error))) throw error;
      }
    },

    async rename(container, name, signal) {
      await ask('POST', pathOf(container, 'rename'), { query: { name }, signal });
    },

    async setRestartPolicy(container, policy, signal) {
      await ask('POST', pathOf(container, 'update'), { json: { RestartPolicy: policy }, signal });
    },

    async *readLogs(container, { tail, isFollowed = false, hasTimes = false }, signal) {
      const { Config } = await inspectDocument(container, signal);
      const query = {
        ...{ stdout: 'true', stderr: 'true', follow: String(isFollowed), timestamps: String(hasTimes) },
        tail: tail === undefined ? 'all' : String(tail),
      };
      const answer = await client.open('GET', pathOf(container, 'logs'), { query, signal });
      try {
        yield* readLogLines(answer.body, { hasTerminal: Config.Tty, hasTimes });
      } finally {
        answer.close();
      }
    },

    async exec(container, command, signal) {
      const json = { AttachStdout: true, AttachStderr: true, Cmd: command };
      const { Id } = read(createdSchema, await ask('POST', pathOf(container, 'exec'), { json, signal }));
      const started = { json: { Detach: false, Tty: false }, signal };
      const answer = await client.open('POST', `/exec/${Id}/start`, started);
      let output = '';
      for await (const { text } of readLogLines(answer.body, { hasTerminal: false, hasTimes: false })) {
        if (output.length < MAX_OUTPUT_BYTES) output += `${text}\n`;
      }
      const { ExitCode } = read(execEndSchema, await ask('GET', `/exec/${Id}/json`, { signal }));
      return { exitCode: ExitCode ?? -1, output: output.slice(0, MAX_OUTPUT_BYTES).trim() };
    },

    async listImages(repository, signal) {
      const query = { filters: JSON.stringify({ reference: [`${repository}:*`] }) };
      return read(imageListSchema, await ask('GET', '/images/json', { query, signal }));
    },

    async inspectImage(image, signal) {
      const path = `/images/${encodeURIComponent(image)}/json`;
      const answer = await unlessMissing(ask('GET', path, { signal }));
      return answer === null ? null : read(imageSchema, answer);
    },

    async tagImage(image, repository, tag, signal) {
      const path = `/images/${encodeURIComponent(image)}/tag`;
      await ask('POST', path, { query: { repo: repository, tag }, signal });
    },

    async untagImage(tag, signal) {
      await unlessMissing(ask('DELETE', `/images/${encodeURIComponent(tag)}`, { signal }));
    },

    async inspectNetwork(network, signal) {
      const path = `/networks/${encodeURIComponent(network)}`;
      const answer = await unlessMissing(ask('GET', path, { signal }));
      return answer === null ? null : read(networkSchema, answer);
    },

    async hasInit(signal) {
      return read(infoSchema, await ask('GET', '/info', { signal })).hasInit;
    },

    async untilAway(signal) {
      // Of what hardly ever happens: the end of the stream is what is waited for.
      const query = { filters: JSON.stringify({ type: ['daemon'] }) };
      try {
        const answer = await client.open('GET', '/events', { query, signal });
        try {
          for await (const _event of answer.body);
        } finally {
          answer.close();
        }
      } catch (error) {
        // One that does not tell of its events is there.
        if (!(error instanceof EngineError) || error.code === 'ENGINE_REFUSED') throw error;
      }
    },
  };
  return engine;
}
