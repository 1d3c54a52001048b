// SPDX-License-Identifier: Apache-2.0
import type { ReadyImage } from '../deployments/carry-out-operation.ts';
import type { DeploymentSettings } from '../deployments/deployment-settings.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { identityOf } from './app-identity.ts';
import type { AppNetworks } from './app-networks.ts';
import { readAppSettings } from './app-settings.ts';
import { AppError, type AppWay, type Contents } from './app-way.ts';
import { type ContainerIntent, containerOfApp } from './container-of-app.ts';

export interface ContainerWayDeps extends Pick<AppWay<never>, 'switcher' | 'engine'> {
  /** The archive of a verified image. @param location of its content tree */
  readImage(location: string): AsyncIterable<Uint8Array>;
  /** Gives an image to the engine. */
  loadImage(source: AsyncIterable<Uint8Array>, app: string, signal: AbortSignal): Promise<ReadyImage>;
  /** @throws CodedError: an argument is wrong, or not permitted */
  prepare(settings: DeploymentSettings): Promise<(image: string) => ContainerSpec>;
  readonly networks: AppNetworks;
}

/** Apps that are containers of the host's engine. */
export function createContainerWay(deps: ContainerWayDeps): AppWay<ContainerIntent> {
  const { switcher, engine, networks } = deps;
  return {
    switcher,
    engine,
    openConsole: null,
    // The engine starts it over and over, as its policy says.
    whyDown: () => null,
    launchOf(intent) {
      const { uuid: id } = intent;
      const settings = readAppSettings(id, intent.extension);
      if (typeof settings === 'string') throw new AppError('APP_UNUSABLE', settings);
      const tree = intent.root.tree?.uuid.toLowerCase() ?? '';
      const rootOf = (contents: Contents) => {
        const found = contents.get(tree);
        if (found === undefined) throw new AppError('APP_UNUSABLE', 'it has no image');
        return found;
      };
      return {
        settings,
        trees: [tree],
        async describe(contents, purge) {
          const { ContentSha256, FileLocation } = rootOf(contents);
          const digest = ContentSha256 || FileLocation;
          const spec = containerOfApp(intent, (await deps.prepare(settings))(''));
          return { spec, digest, identity: identityOf(spec, digest, purge) };
        },
        load: (contents, signal) => deps.loadImage(deps.readImage(rootOf(contents).FileLocation), id, signal),
        async ensureNetworks(signal) {
          for (const { bridge } of intent.networks) await networks.ensure(bridge, signal);
        },
        // What differs is another container.
        adjust: async () => {},
      };
    },
  };
}
