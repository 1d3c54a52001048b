// SPDX-License-Identifier: Apache-2.0
import { isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import { GIVEN_UP, type MachineEngine } from '../machines/machine-engine-contract.ts';
import { identityOf } from './app-identity.ts';
import type { AppVolume } from './app-intent.ts';
import { AppError, type AppWay, type Contents } from './app-way.ts';
import { imageTag, machineOfApp, portsOfApp, type VmIntent } from './machine-of-app.ts';
import { diskFormatOf } from './vm-intent.ts';
import { readVmSettings } from './vm-settings.ts';

export interface VmWayDeps extends Pick<AppWay<never>, 'switcher'> {
  readonly engine: Pick<MachineEngine, 'addImage' | 'openConsole' | 'readLogs' | 'setPorts' | 'needPorts'>;
  /** A file of zeros, of which a disk without content is made. */
  readonly blank: { readonly path: string; readonly sha256: string };
  /** Why this host can run none, as it is now; null: it can. */
  whyNone(signal: AbortSignal): Promise<string | null>;
}

/** @throws AppError PORT_TAKEN: it is tried again, as what is another's may be free soon */
async function needFreePorts(task: Promise<void>): Promise<void> {
  try {
    await task;
  } catch (error) {
    if (!isEngineStatus(error, 409)) throw error;
    throw new AppError('PORT_TAKEN', errorMessage(error), { retryable: true, cause: error });
  }
}

const treeOf = ({ tree }: AppVolume) => tree?.uuid.toLowerCase() ?? null;

/** Apps that are VMs of the host's qemu. */
export function createVmWay({ switcher, engine, blank, whyNone }: VmWayDeps): AppWay<VmIntent> {
  return {
    switcher,
    engine,
    openConsole: (machine, signal) => engine.openConsole(machine, signal),
    whyDown({ state, error }) {
      const isGivenUp = state === 'exited' && error.startsWith(GIVEN_UP);
      // It stands still, as for want of room, and goes on by itself.
      return isGivenUp || (state === 'paused' && error !== '') ? error : null;
    },
    launchOf(intent) {
      const { uuid: id, root, volumes } = intent;
      const settings = readVmSettings(id, intent.extension);
      if (typeof settings === 'string') throw new AppError('APP_UNUSABLE', settings);
      const disks = [root, ...volumes];
      const ports = portsOfApp(intent);

      function fileOf(disk: AppVolume, contents: Contents) {
        const tree = treeOf(disk);
        if (tree === null) return null;
        const found = contents.get(tree);
        const format = diskFormatOf(disk);
        if (found === undefined || format === null) {
          throw new AppError('APP_UNUSABLE', `the volume ${disk.volume.uuid} has no disk`);
        }
        return { path: found.FileLocation, format, sha256: found.ContentSha256 };
      }

      return {
        settings,
        trees: disks.flatMap((disk) => treeOf(disk) ?? []),
        async describe(contents, purge) {
          const digestOf = (disk: AppVolume) => fileOf(disk, contents)?.sha256 ?? null;
          const spec = machineOfApp(intent, digestOf, purge);
          const digest = digestOf(root) ?? '';
          // Ports lead into it while it runs: with others it is no other VM.
          const { Ports: _, ...Machine } = spec.Machine ?? {};
          return { spec, digest, identity: identityOf({ ...spec, Machine }, digest, purge) };
        },
        async load(contents, signal) {
          const why = await whyNone(signal);
          // What is missing may be installed meanwhile.
          if (why !== null) throw new AppError('VMS_IMPOSSIBLE', why, { retryable: true });
          // Before what serves makes room.
          const isOwn = (machine: string) => machine.includes(id);
          await needFreePorts(engine.needPorts(ports, isOwn, signal));
          for (const disk of volumes) {
            const file = fileOf(disk, contents);
            if (file !== null) await engine.addImage({ ...file, tag: imageTag(id, file.sha256) }, signal);
          }
          const file = fileOf(root, contents);
          const tag = imageTag(id, file?.sha256 ?? null);
          return await engine.addImage({ ...(file ?? { ...blank, format: 'raw' }), tag }, signal);
        },
        // It is attached to the bridge itself.
        ensureNetworks: async () => {},
        adjust: (machine, signal) => needFreePorts(engine.setPorts(machine, ports, signal)),
      };
    },
  };
}
