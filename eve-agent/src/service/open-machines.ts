// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { AppWay } from '../launch/apps/app-way.ts';
import type { VmIntent } from '../launch/apps/machine-of-app.ts';
import { createVmWay } from '../launch/apps/vm-way.ts';
import { findQemu, whyNoQemu } from '../launch/machines/find-qemu.ts';
import { openMachineEngine } from '../launch/machines/open-machine-engine.ts';
import { findPortRule } from '../launch/switch/find-port-rule.ts';
import { findTool, runTool } from '../launch/switch/packet-filter-tool.ts';
import { readBootId } from './boot-id.ts';
import { openSwitch } from './open-switch.ts';

/** The VMs of this host, as far as they are apps. */
export interface OpenMachines {
  readonly way: AppWay<VmIntent>;
  /** Until the switch ends; they go on then. @param onPutRight called when what a crash left was put right */
  run(onPutRight: () => void): Promise<void>;
}

const SECTOR_BYTES = 512;
const OWN = 0o700;
const NEEDS_ROOT = 'virtual machines need an agent that runs as root: each has a user of its own';

const isRoot = () => process.geteuid?.() === 0;

/** The least that a disk can be made of. */
function makeBlank(folder: string) {
  const path = join(folder, 'blank.img');
  const zeros = Buffer.alloc(SECTOR_BYTES);
  mkdirSync(folder, { recursive: true, mode: OWN });
  writeFileSync(path, zeros);
  return { path, sha256: hash('sha256', zeros) };
}

/**
 * Opens the VMs of a folder.
 *
 * @param ending ends every operation where it is
 * @returns null where they cannot be opened, which the log says: containers go on
 */
export async function openMachines(
  folder: string,
  { prefix, log }: { readonly prefix: string; readonly log: Log },
  ending: AbortSignal,
): Promise<OpenMachines | null> {
  if (!isRoot()) {
    log.info({}, `apps that are VMs are not launched, containers are: ${NEEDS_ROOT}`);
  }
  try {
    const blank = makeBlank(folder);
    const engine = await openMachineEngine({
      ...{ folder, log, clock: systemClock, wallMs: Date.now, bootId: readBootId() },
      findQemu: (signal) => findQemu(signal),
      portRule: await findPortRule(ending, runTool, findTool, 'machines'),
    });
    const { switcher, keepConverged } = openSwitch(engine, { prefix, portRule: null, log }, ending);
    const way = createVmWay({
      ...{ switcher, engine, blank },
      async whyNone(signal) {
        if (!isRoot()) return NEEDS_ROOT;
        return (await findQemu(signal)) === null ? whyNoQemu() : null;
      },
    });
    return {
      way,
      async run(onPutRight) {
        await Promise.all([engine.supervise(ending), keepConverged(onPutRight)]);
      },
    };
  } catch (error) {
    log.error({ folder, reason: errorMessage(error) }, 'apps that are VMs cannot be launched');
    return null;
  }
}
