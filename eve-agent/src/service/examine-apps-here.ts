// SPDX-License-Identifier: Apache-2.0
import { totalmem } from 'node:os';
import type { EngineAddress } from '@local-datastore/shared/engine/engine-address';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { problemText } from '@local-datastore/shared/eve/config-entry';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
import { silentLog } from '@local-datastore/shared/log';
import { readConfigFiles } from '../configuration/config-files.ts';
import { createConfiguration } from '../configuration/configuration.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { examineApps } from '../doctor/apps/examine-apps.ts';
import type { MachinesSeen } from '../doctor/apps/host-facts.ts';
import { readTakenPorts } from '../doctor/apps/read-host.ts';
import type { Diagnosis } from '../doctor/diagnose.ts';
import type { DoctorRequest } from '../doctor/gather-evidence.ts';
import { readSystemNeighbours } from '../doctor/probes/links.ts';
import { APP_OWNER } from '../launch/apps/app-settings.ts';
import { prepareContainer } from '../launch/deployments/prepare-container.ts';
import { findQemu, whyNoQemu, whyNoUefi } from '../launch/machines/find-qemu.ts';
import { readForwarding } from '../launch/machines/published-ports.ts';
import type { Source } from '../reconcile/source.ts';
import type { PlatformWish } from '../registry/resolve-image.ts';
import { listAppBridges } from './app-bridges.ts';

/** @throws ConfigurationError that names what is wrong with it */
async function readDeviceFiles(path: string): Promise<DeviceConfig> {
  const configuration = createConfiguration({
    apply: () => [],
    file: { read: () => null, write: () => {} },
    wallMs: Date.now,
    log: silentLog,
  });
  const reading = await readConfigFiles(path);
  if (reading.kind === 'pieces') configuration.offer(reading.pieces, path);
  const problems = reading.kind === 'unreadable' ? reading.problems : configuration.status().problems;
  if (reading.kind !== 'pieces' || problems.length > 0) {
    const why = problems.map(problemText).join('; ') || 'the folder has no *.json';
    throw new ConfigurationError(`--apps ${path} is no device configuration: ${why}`);
  }
  return configuration.current();
}

/** Whether an agent that runs as root can launch VMs here. */
async function readMachines(signal: AbortSignal): Promise<MachinesSeen> {
  const qemu = await findQemu(signal);
  if (qemu === null) {
    return { kind: 'none', why: whyNoQemu(), advice: 'install it; the agent looks for it again by itself' };
  }
  const { version, accelerator, uefi, architecture } = qemu;
  const isFast = accelerator === 'kvm';
  return {
    kind: 'there',
    summary: `qemu ${version}, ${isFast ? 'with KVM' : 'without KVM'}, for an agent that runs as root`,
    isFast,
    whyNoUefi: uefi === null ? whyNoUefi(architecture) : null,
  };
}

/** What the doctor is asked of a source of content: the file or the image that a download would ask for. */
export function requestOf(
  source: Source,
  tree: ContentTree,
  wish: PlatformWish,
): Pick<DoctorRequest, 'url' | 'image' | 'authorization' | 'ca' | 'sha256' | 'sizeBytes'> {
  const { registry, url, authorization, ca } = source;
  const image = registry === null ? null : { image: registry.image, wish };
  return {
    url: image === null ? url.href : new URL('/v2/', url).href,
    ...{ image, authorization, ca },
    sha256: image === null ? tree.sha256 || null : null,
    sizeBytes: image === null ? tree.maxSizeBytes || null : null,
  };
}

/**
 * Which apps of a configuration's file or folder could be launched on this host.
 *
 * @throws ConfigurationError where it cannot be read
 */
export async function examineAppsHere(
  path: string,
  options: {
    readonly engine: EngineAddress;
    /** As in discovery. */
    readonly bridges: readonly string[];
    examineSource(source: Source, tree: ContentTree): Promise<Diagnosis>;
    readonly signal: AbortSignal;
  },
): Promise<Diagnosis> {
  const { engine: address, bridges, examineSource, signal } = options;
  const client = createEngineClient(address);
  const deps = {
    ...{ client, readMachines, readTakenPorts, readForwarding, examineSource, memoryBytes: totalmem() },
    listBridges() {
      try {
        return listAppBridges(bridges);
      } catch (error) {
        if (error instanceof DiscoveryError && error.code === 'NO_BRIDGE') return [];
        throw error;
      }
    },
    readNeighbours: readSystemNeighbours,
    prepare: (settings: Parameters<typeof prepareContainer>[0]) =>
      prepareContainer(settings, { address, apiVersion: () => client.apiVersion(signal) }, APP_OWNER),
  };
  return await examineApps(await readDeviceFiles(path), path, deps, signal);
}
