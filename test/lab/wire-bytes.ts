// SPDX-License-Identifier: Apache-2.0
import type { Lab } from './lab.ts';

/**
 * Bytes that have come from an app since the lab was made, with all headers: by the host's end of its link, as `/sys`
 * shows the interfaces of the machine itself.
 */
export async function wireBytesOf(lab: Lab, app: string): Promise<number> {
  const [link] = JSON.parse(
    await lab.host.mustRun(['ip', '-json', '-stats', 'link', 'show', `veth-${app}`]),
  ) as { stats64: { rx: { bytes: number } } }[];
  if (link === undefined) throw new Error(`there is no app ${app}`);
  return link.stats64.rx.bytes;
}
