// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ContainerSpec } from '../engine/container-spec.ts';

/** By which a container or a VM tells what it was made of. */
export const APP_LABEL = 'io.local-datastore.app';

/**
 * What the container or the VM of an app is made of: another one is another container.
 *
 * @param image the digest of its manifest, or of its disk
 * @param purge counts up where it is to be made anew of the same
 */
export function identityOf(spec: ContainerSpec, image: string, purge: number): string {
  const { Image: _, ...rest } = spec;
  return hash('sha256', JSON.stringify([image, purge, rest]));
}

export const withIdentity = (spec: ContainerSpec, identity: string): ContainerSpec => ({
  ...spec,
  Labels: { ...spec.Labels, [APP_LABEL]: identity },
});
