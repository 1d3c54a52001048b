// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import type { ContainerEngine } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import type { Switch } from '../switch/switch-contract.ts';
import type { AuditLog } from './audit-log.ts';
import { type Caller, callerFacts, mayCall } from './caller.ts';
import { type Asked, createCarryOut, type ImageSource, type Prepared } from './carry-out-operation.ts';
import type { DeploymentEntry } from './config-file.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import type { OperationResult } from './deployment-view.ts';
import type { Deployments, OperationInput } from './deployments.ts';
import type { DesiredStates } from './desired-state.ts';
import { DeploymentError } from './errors.ts';
import type { History } from './history.ts';
import { createLook, isNamed } from './look-at-deployment.ts';
import type { ChangingOperation, Operation } from './operations.ts';
import type { RunningOperations } from './running-operations.ts';
import { type MadeBy, withArgumentsLabel } from './settings-drift.ts';
import { viewOf } from './view-deployment.ts';

export interface DeploymentsDeps {
  readonly configuration: ConfigurationSource;
  readonly client: EngineClient;
  readonly engine: ContainerEngine;
  readonly switcher: Switch;
  readonly images: ImageSource;
  /** @throws DeploymentError DEPLOYMENT_UNUSABLE */
  prepare(settings: DeploymentSettings): Promise<(image: string) => ContainerSpec>;
  readonly audit: AuditLog;
  readonly history: History;
  readonly desired: DesiredStates;
  readonly running: RunningOperations;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
  /** The service ends: nothing is begun any more. */
  readonly ending: AbortSignal;
}

const WITHOUT_SETTINGS: ReadonlySet<Operation> = new Set(['stop', 'delete', 'prune', 'rollback']);

/** The operations on the deployments of a configuration. */
export function createDeployments(deps: DeploymentsDeps): Deployments {
  const { configuration, client, engine, switcher, audit, history, desired, running } = deps;
  const { clock, wallMs, log, ending } = deps;
  const now = () => new Date(wallMs()).toISOString();
  const carryOut = createCarryOut(deps);

  /** Whether somebody may do it, and with what. Nothing is said of names that are not permitted. */
  function find(caller: Caller, name: string, operation: Operation): DeploymentEntry {
    const { clients, deployments } = configuration.current();
    if (!mayCall(caller, clients, operation, name)) {
      const { who } = callerFacts(caller);
      throw new DeploymentError('NOT_PERMITTED', `${who} may not ${operation} ${name}`);
    }
    const entry = deployments.get(name);
    if (entry !== undefined) return entry;
    const known = [...deployments.keys()].filter(
      (each) => isNamed(each) && mayCall(caller, clients, 'list', each),
    );
    const list = known.length === 0 ? '' : `; there are ${known.slice(0, 20).join(', ')}`;
    throw new DeploymentError('DEPLOYMENT_UNKNOWN', `there is no deployment ${name}${list}`);
  }

  function settingsOf(entry: DeploymentEntry): DeploymentSettings {
    if (entry.kind === 'usable') return entry.settings;
    const message = `deployment ${entry.name} cannot be used: ${entry.problem}`;
    throw new DeploymentError('DEPLOYMENT_UNUSABLE', message);
  }

  const containerOf = (name: string) => configuration.current().prefix + name;

  /** The container that the configuration wants, which says what it is made by. */
  async function prepareSpec(settings: DeploymentSettings) {
    const spec = await deps.prepare(settings);
    return (image: string) => withArgumentsLabel(spec(image));
  }
  const look = createLook({ switcher, desired, running, prepare: prepareSpec });

  /** All that can be known before anything comes. */
  async function prepare(
    entry: DeploymentEntry,
    operation: ChangingOperation,
    input: OperationInput,
    signal: AbortSignal,
  ): Promise<Prepared | null> {
    await engine.ping(signal);
    if (WITHOUT_SETTINGS.has(operation)) return null;
    const settings = settingsOf(entry);
    const { maxImageBytes } = configuration.current();
    if ((input.announcedBytes ?? 0) > maxImageBytes) {
      const message = `an archive of ${input.announcedBytes} bytes is larger than the ${maxImageBytes} that "maxImageSize" allows`;
      throw new DeploymentError('IMAGE_TOO_LARGE', message);
    }
    const reference = input.reference ?? settings.image ?? '';
    if (operation === 'pull' && reference === '') {
      const message = `neither the request nor "image" of deployment ${settings.name} names what is to be pulled`;
      throw new DeploymentError('NOTHING_TO_PULL', message);
    }
    return { settings, spec: await prepareSpec(settings), reference };
  }

  /** What is in place in the end, as far as the engine tells. */
  async function resultOf(
    name: string,
    operation: ChangingOperation,
    { gapMs, applied = [] }: { readonly gapMs: number | null; readonly applied?: readonly MadeBy[] },
    startedMs: number,
    removed: readonly string[],
  ): Promise<OperationResult> {
    const view = viewOf(name, await switcher.versions(name, ending), {
      ...{ problem: null, operation: null, wanted: null, drift: [] },
    });
    const { state, generation, image, configDigest } = view;
    const durationMs = Math.round(clock.nowMs() - startedMs);
    return {
      ...{ name, operation, state, generation, configDigest, gapMs, durationMs },
      image: image || null,
      removed: [...removed],
      applied: [...applied],
    };
  }

  const versionNames = async (name: string) =>
    (await switcher.versions(name, ending)).map(({ container }) => container.name);

  /** The part behind the door: put down, done, put down. */
  async function perform(
    entry: DeploymentEntry,
    name: string,
    operation: ChangingOperation,
    prepared: Prepared | null,
    more: Asked,
  ): Promise<OperationResult> {
    const { by, onEvent } = more;
    const end = await audit.begin(by, operation, name);
    const startedMs = clock.nowMs();
    const entryOf = (facts: { generation: number | null; image: string | null; gapMs: number | null }) => ({
      ...{ time: now(), operation, by: by.who, durationMs: Math.round(clock.nowMs() - startedMs) },
      ...facts,
    });
    try {
      onEvent({ event: 'begun', operation, deployment: name });
      const before = await versionNames(name);
      if (before.length === 0 && NEEDS_VERSION.has(operation)) throw nothingDeployed(name);
      const done = await carryOut(entry, operation, prepared, more);
      const { gapMs } = done;
      const after = new Set(await versionNames(name));
      const removed = before.filter((each) => !after.has(each) && isGone(operation));
      const result = await resultOf(name, operation, done, startedMs, removed);
      const { generation, configDigest } = result;
      await put(name, {
        ...entryOf({ generation, image: configDigest, gapMs }),
        outcome: 'done',
        code: null,
        why: null,
      });
      await end({ outcome: 'done', ...(result.image !== null && { image: result.image }) });
      return result;
    } catch (error) {
      const code = error instanceof CodedError ? error.code : 'UNFORESEEN';
      const why = errorMessage(error).slice(0, MAX_WHY);
      await put(name, {
        ...entryOf({ generation: null, image: null, gapMs: null }),
        outcome: 'failed',
        code,
        why,
      });
      await end({ outcome: 'failed', code, why });
      throw error;
    }
  }

  /** What was done is done, whether the history takes it or not. */
  async function put(name: string, entry: Parameters<History['append']>[1]): Promise<void> {
    try {
      await history.append(name, entry);
    } catch (error) {
      log.error(
        { deployment: name, reason: errorMessage(error) },
        'the history of a deployment cannot be written',
      );
    }
  }

  return {
    async list(caller, signal) {
      const { clients, deployments } = configuration.current();
      if (!mayCall(caller, clients, 'list', null)) {
        const { who } = callerFacts(caller);
        throw new DeploymentError('NOT_PERMITTED', `${who} may not list deployments`);
      }
      const visible = [...deployments].filter(([name]) => mayCall(caller, clients, 'list', name));
      return await Promise.all(visible.map(([name, entry]) => look(name, entry, signal)));
    },

    async show(caller, name, signal) {
      return await look(name, find(caller, name, 'list'), signal);
    },

    async inspect(caller, name, signal) {
      const entry = find(caller, name, 'inspect');
      const serving = await findServing(name, signal);
      const document = inspectSchema.parse(
        await client.ask('GET', `/containers/${serving.id}/json`, { signal }),
      );
      return { ...document, Drift: (await look(name, entry, signal)).drift };
    },

    async history(caller, name, count) {
      find(caller, name, 'history');
      return await history.read(name, count);
    },

    async logs(caller, name, { tail, isFollowed, hasTimes }, signal) {
      find(caller, name, 'logs');
      const serving = await findServing(name, signal);
      return engine.readLogs(serving.id, { tail, isFollowed, hasTimes }, signal);
    },

    async operate(caller, name, operation, input, onEvent, signal) {
      const by = callerFacts(caller);
      let release = () => {};
      try {
        const entry = find(caller, name, operation);
        if (ending.aborted) throw new DeploymentError('SERVICE_ENDING', 'the agent is being stopped');
        release = running.take(name, operation, by);
        const until = AbortSignal.any([signal, ending]);
        const prepared = await prepare(entry, operation, input, until);
        return await perform(entry, name, operation, prepared, { input, onEvent, signal: until, by });
      } catch (error) {
        if (error instanceof DeploymentError && error.code !== 'STATE_UNWRITABLE') {
          await audit.refuse(by, operation, name, { code: error.code, why: error.message });
        }
        throw error;
      } finally {
        release();
      }
    },

    configuration(caller) {
      if (!mayCall(caller, configuration.current().clients, 'list', null)) {
        throw new DeploymentError('NOT_PERMITTED', `${callerFacts(caller).who} may not list deployments`);
      }
      return configuration.view();
    },
  };

  async function findServing(name: string, signal: AbortSignal) {
    const serving = await engine.inspect(containerOf(name), signal);
    if (serving !== null) return serving;
    throw nothingDeployed(name);
  }
}

const inspectSchema = z.looseObject({});
const MAX_WHY = 500;
const NEEDS_VERSION: ReadonlySet<Operation> = new Set(['start', 'stop', 'restart', 'rollback', 'delete']);

const nothingDeployed = (name: string) =>
  new DeploymentError('NOTHING_DEPLOYED', `nothing is deployed as ${name} yet`);

/** Of others, what is not there any more has another name now. */
const isGone = (operation: ChangingOperation) => operation === 'delete' || operation === 'prune';
