// SPDX-License-Identifier: Apache-2.0
import { isKeyPath, type KeyPath } from '../store/key-path.ts';
import type { CalfManifest, OptionsOf } from './manifest.ts';

/** What a calf is told at its start, by its argument. */
export interface StartOrder<Manifest extends CalfManifest> {
  /** Where its keys stand. */
  readonly prefix: KeyPath;
  readonly options: OptionsOf<Manifest>;
}

/**
 * The argument that {@link readStartOrder} reads.
 *
 * @throws RangeError options that are none of the manifest's
 */
export function writeStartOrder<Manifest extends CalfManifest>(
  manifest: Manifest,
  { prefix, options }: StartOrder<Manifest>,
): string {
  const told = manifest.options === undefined ? null : Buffer.from(manifest.options.encode(options));
  return JSON.stringify({ prefix, options: told?.toString() ?? null });
}

/** @throws Error it is none, as a program of another version may write */
export function readStartOrder<Manifest extends CalfManifest>(
  manifest: Manifest,
  argument: string,
): StartOrder<Manifest> {
  const { prefix, options: told } = JSON.parse(argument) as { prefix: string[]; options: string | null };
  const options = manifest.options?.decode(Buffer.from(told ?? '')) ?? null;
  if (!isKeyPath(prefix) || (manifest.options !== undefined && options === null)) {
    throw new Error(`the agent starts ${manifest.name} with what it cannot read`);
  }
  return { prefix, options: options as OptionsOf<Manifest> };
}
