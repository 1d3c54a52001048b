// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from 'node:os';
import { openTapQueue } from '@local-datastore/shared/confinement/system/tap-queue';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import type { NetworkView } from '../engine/container-engine.ts';
import type { RunTool } from '../switch/packet-filter-tool.ts';
import { refused } from './refused.ts';

/** linux/if.h: IFNAMSIZ, without its end. */
const MAX_NAME_LENGTH = 15;
const NAME = /^[\w.@-]+$/;

const linksSchema = z.array(
  z.looseObject({
    ifname: z.string(),
    linkinfo: z.looseObject({ info_kind: z.string().optional() }).optional(),
  }),
);

/** What a machine's interface is on the host: a tap in a bridge. */
export interface Taps {
  /** @returns null where there is none of the name, or it is no bridge */
  inspectBridge(name: string, signal: AbortSignal): Promise<NetworkView | null>;
  /** In place of one that a crash left. Nobody but root may open it. */
  add(tap: string, bridge: string, signal: AbortSignal): Promise<void>;
  /** @returns a descriptor of its frames, which the caller closes. @throws EngineError 501 where the host has no taps */
  open(tap: string): number;
  /** One that is gone is fine. */
  remove(tap: string, signal: AbortSignal): Promise<void>;
}

/** The name of an interface of a machine, which no other has. */
export const tapName = (machineId: string, index: number): string =>
  `vm${machineId.replaceAll('-', '').slice(0, 10)}.${index}`.slice(0, MAX_NAME_LENGTH);

export const isInterfaceName = (name: string): boolean => name.length <= MAX_NAME_LENGTH && NAME.test(name);

/** The host's own IPv4 address on a bridge; '' where it has none. */
export const addressOnBridge = (bridge: string): string =>
  networkInterfaces()[bridge]?.find(({ family }) => family === 'IPv4')?.address ?? '';

/** By iproute2. @param path of `ip`; null: the host has none */
export function createTaps(path: string | null, tool: RunTool): Taps {
  async function ip(args: readonly string[], signal: AbortSignal): Promise<string> {
    if (path === null)
      throw refused(501, 'virtual machines on a bridge need the program "ip": install iproute2');
    return await tool(path, args, signal);
  }
  const isThere = (name: string, signal: AbortSignal) =>
    ip(['-json', 'link', 'show', 'dev', name], signal).then(
      () => true,
      () => false,
    );

  async function remove(tap: string, signal: AbortSignal): Promise<void> {
    if (!(await isThere(tap, signal))) return;
    try {
      await ip(['link', 'delete', 'dev', tap], signal);
    } catch (error) {
      if (await isThere(tap, signal)) throw error;
    }
  }

  return {
    async inspectBridge(name, signal) {
      if (!isInterfaceName(name)) return null;
      let said: string;
      try {
        said = await ip(['-json', '-details', 'link', 'show', 'dev', name], signal);
      } catch {
        signal.throwIfAborted();
        return null;
      }
      const [link] = linksSchema.parse(JSON.parse(said));
      return link?.linkinfo?.info_kind === 'bridge' ? { driver: 'bridge', bridge: name } : null;
    },
    remove,
    async add(tap, bridge, signal) {
      await remove(tap, signal);
      await ip(['tuntap', 'add', 'dev', tap, 'mode', 'tap'], signal);
      // The host speaks by the bridge alone: no address of its own on the tap.
      await ip(['link', 'set', 'dev', tap, 'addrgenmode', 'none'], signal);
      await ip(['link', 'set', 'dev', tap, 'master', bridge, 'up'], signal);
    },
    open(tap) {
      try {
        return openTapQueue(tap);
      } catch (error) {
        throw refused(501, `the interface of a machine cannot be opened: ${errorMessage(error)}`, error);
      }
    },
  };
}
