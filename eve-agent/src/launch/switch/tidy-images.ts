// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContainerEngine } from '../engine/container-engine.ts';
import { planImages } from './plan-images.ts';
import { findRole, type Observed } from './steps.ts';

export interface TidyImagesDeps {
  readonly engine: ContainerEngine;
  observe(): Promise<Observed>;
  /** Asked again before each change: what is there may be needed by now. */
  mayTidy(): boolean;
}

/**
 * Takes away the images of a deployment that nobody needs any more. Nothing depends on it.
 *
 * @returns what could not be done
 * @throws the signal's reason
 */
export async function tidyImages(
  { engine, observe, mayTidy }: TidyImagesDeps,
  repository: string,
  signal: AbortSignal,
): Promise<string[]> {
  const warnings: string[] = [];
  if (!mayTidy()) return warnings;
  const attempt = async (what: string, task: () => Promise<void>) => {
    try {
      await task();
    } catch (error) {
      signal.throwIfAborted();
      warnings.push(`${what}: ${errorMessage(error)}`);
    }
  };
  await attempt('images', async () => {
    const observed = await observe();
    const used = new Set(observed.containers.map(({ imageId }) => imageId));
    const serving = findRole(observed, 'serving')?.imageId ?? null;
    const images = await engine.listImages(repository, signal);
    for (const step of planImages(images, repository, used, serving)) {
      if (!mayTidy()) return;
      await attempt(`${step.kind} ${step.tag}`, () =>
        step.kind === 'untag-image'
          ? engine.untagImage(step.tag, signal)
          : engine.tagImage(step.image, step.repository, step.tag, signal),
      );
    }
  });
  return warnings;
}
