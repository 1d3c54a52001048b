// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { LABELS } from '../switch/names.ts';
import type { SwitchOutcome } from '../switch/outcome.ts';
import type { Switch } from '../switch/switch-contract.ts';
import type { CallerFacts } from './caller.ts';
import type { DeploymentEntry } from './config-file.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import type { OperationEvent } from './deployment-view.ts';
import type { OperationInput } from './deployments.ts';
import type { DesiredStates } from './desired-state.ts';
import { OperationFailure } from './errors.ts';
import type { ChangingOperation } from './operations.ts';
import { findDrift } from './settings-drift.ts';
import { servingOf } from './view-deployment.ts';

/** An image that the engine has, checked. */
export interface ReadyImage {
  readonly id: string;
  readonly tag: string;
  /** `sha256:…`. */
  readonly configDigest: string;
  readonly sizeBytes: number;
}

/** How an image gets into the engine. */
export interface ImageSource {
  /** @param repository what it is called but for its tag @throws ImageStreamError; LoadImageError; what `source` throws */
  load(
    source: AsyncIterable<Uint8Array>,
    wanted: { readonly repository: string; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<ReadyImage>;
  /** Gives the archive of an image of a registry, once all of it is here. @throws RegistryError and its like */
  pull(
    reference: string,
    deployment: string,
    onReceived: (receivedBytes: number) => void,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
}

export interface CarryOutDeps {
  readonly configuration: ConfigurationSource;
  readonly switcher: Switch;
  readonly images: ImageSource;
  readonly desired: DesiredStates;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
  /** The service ends: nothing is begun any more. */
  readonly ending: AbortSignal;
}

/** How an operation was asked for. */
export interface Asked {
  readonly input: OperationInput;
  readonly onEvent: (event: OperationEvent) => void;
  readonly signal: AbortSignal;
  readonly by: CallerFacts;
}

/** What is certain before anything comes. */
export interface Prepared {
  readonly settings: DeploymentSettings;
  readonly spec: (image: string) => ContainerSpec;
  readonly reference: string;
}

/** What each operation does, once it is permitted and everything that it needs is there. */
export function createCarryOut(deps: CarryOutDeps) {
  const { configuration, switcher, images, desired, log, ending } = deps;
  const now = () => new Date(deps.wallMs()).toISOString();

  /** @throws OperationFailure where it was taken back */
  function committed(outcome: SwitchOutcome) {
    for (const warning of outcome.warnings) log.warn({ warning }, 'a step beside an operation failed');
    if (outcome.kind === 'committed') return outcome;
    throw new OperationFailure(outcome.code, outcome.why, outcome.logs, outcome.serving);
  }

  const baseSettings = (entry: DeploymentEntry, name: string) =>
    entry.kind === 'usable'
      ? { name, settleMs: entry.settings.settleMs, keep: entry.settings.keep }
      : { name, settleMs: 0, keep: 1 };

  /** What comes of an image: the same for one that was sent and one that was pulled. */
  async function deploy(
    settings: DeploymentSettings,
    source: AsyncIterable<Uint8Array>,
    {
      spec,
      onEvent,
      signal,
      by,
      operation,
    }: {
      readonly spec: (image: string) => ContainerSpec;
      readonly onEvent: (event: OperationEvent) => void;
      readonly signal: AbortSignal;
      readonly by: CallerFacts;
      readonly operation: ChangingOperation;
    },
  ) {
    const { name } = settings;
    const { prefix, maxImageBytes } = configuration.current();
    const image = await images.load(source, { repository: prefix + name, maxBytes: maxImageBytes }, signal);
    onEvent({ event: 'loaded', image: image.tag, sizeBytes: image.sizeBytes });
    const { id, tag, configDigest } = image;
    const wanted = { state: 'running' as const, image: { id, tag, configDigest } };
    await desired.write(name, { ...wanted, operation, by: by.who, at: now() });
    return await switchTo({ settings, spec }, image, onEvent);
  }

  async function switchTo(
    { settings, spec }: Pick<Prepared, 'settings' | 'spec'>,
    image: Pick<ReadyImage, 'id' | 'tag' | 'configDigest'>,
    onEvent: (event: OperationEvent) => void,
  ) {
    const { name, health, stopSeconds, settleMs, keep } = settings;
    const outcome = await switcher.deploy(
      { name, spec: spec(image.tag), image, health, stopSeconds, settleMs, keep },
      (step) => onEvent({ event: 'step', step }),
      // All of it is here: whoever sent it need not wait for the end.
      ending,
    );
    return committed(outcome);
  }

  /** Starts the one that is there; where it would be made otherwise now, a new one of its image takes its place. */
  async function startOrReload(
    operation: 'start' | 'restart',
    { settings, spec }: Prepared,
    onEvent: (event: OperationEvent) => void,
  ) {
    const onStep = (step: string) => onEvent({ event: 'step', step });
    const serving = servingOf(await switcher.versions(settings.name, ending));
    const applied = serving === undefined ? [] : findDrift(serving.container, settings, spec(''));
    if (serving === undefined || applied.length === 0) {
      return { ...committed(await switcher[operation](settings, onStep, ending)), applied };
    }
    const { imageId: id, image: tag, labels } = serving.container;
    onStep(`make anew by other ${applied.join(', ')}`);
    const image = { id, tag, configDigest: labels[LABELS.image] ?? '' };
    return { ...(await switchTo({ settings, spec }, image, onEvent)), applied };
  }

  async function carryOut(
    entry: DeploymentEntry,
    operation: ChangingOperation,
    prepared: Prepared | null,
    more: Asked,
  ) {
    const { input, onEvent, signal, by } = more;
    const name = entry.kind === 'usable' ? entry.settings.name : entry.name;
    const base = baseSettings(entry, name);
    const onStep = (step: string) => onEvent({ event: 'step', step });
    const want = (state: 'running' | 'stopped' | 'removed') =>
      desired.write(name, { state, image: null, operation, by: by.who, at: now() });
    switch (operation) {
      case 'load':
      case 'pull': {
        if (prepared === null) throw new RangeError('nothing was prepared');
        const { spec, settings } = prepared;
        const source =
          operation === 'load'
            ? (input.openBody?.(configuration.current().maxImageBytes) ?? noBody())
            : await images.pull(
                prepared.reference,
                name,
                (receivedBytes) => onEvent({ event: 'received', receivedBytes }),
                signal,
              );
        const counted = operation === 'load' ? countBytes(source, onEvent) : source;
        return await deploy(settings, counted, { spec, onEvent, signal, by, operation });
      }
      case 'start':
      case 'restart':
        if (prepared === null) throw new RangeError('nothing was prepared');
        await want('running');
        return await startOrReload(operation, prepared, onEvent);
      case 'stop':
        await want('stopped');
        return committed(await switcher.stop(name, onStep, ending));
      case 'rollback':
        await want('running');
        return committed(await switcher.rollback(base, onStep, ending));
      case 'prune':
        return committed(await switcher.prune(name, base.keep, onStep, ending));
      case 'delete':
        await want('removed');
        return committed(await switcher.remove(name, onStep, ending));
    }
  }

  return carryOut;
}

async function* noBody(): AsyncGenerator<Uint8Array> {}

/** Tells how much has come. */
async function* countBytes(
  source: AsyncIterable<Uint8Array>,
  onEvent: (event: OperationEvent) => void,
): AsyncGenerator<Uint8Array> {
  let receivedBytes = 0;
  for await (const piece of source) {
    receivedBytes += piece.length;
    onEvent({ event: 'received', receivedBytes });
    yield piece;
  }
}
