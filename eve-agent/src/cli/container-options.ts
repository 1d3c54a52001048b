// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { parsePlatform, type WantedPlatform } from '@local-datastore/shared/oci/platform';
import * as z from 'zod';
import type { RegistryImage, RegistryScheme } from '../registry/image-reference.ts';
import { hostPlatform, type PlatformWish } from '../registry/resolve-image.ts';
import { IMAGE_FORMS, type ImageForm } from '../service/pull-image.ts';
import { readRegistryAuth } from '../service/registry-files.ts';
import type { ImageOptions } from './image-options.ts';
import { type RegistryAuthOptions, registryAuthOption } from './registry-auth.ts';

/** What a user may say of a container image. */
export interface ContainerOptions extends RegistryAuthOptions {
  readonly form: ImageForm;
  readonly platform?: WantedPlatform;
  readonly scheme?: RegistryScheme;
}

/** What is shown to the registry of an image: what `--auth` says, else what stands in a file for it. */
export const authorizationOf = (
  { auth, registryAuth }: Pick<ImageOptions, 'auth'> & RegistryAuthOptions,
  { registry, repository }: RegistryImage,
): string | null =>
  auth ??
  (registryAuth === undefined ? null : readRegistryAuth(registryAuth).find(registry.host, repository));

const SCHEMES = ['http', 'https'] as const;

/** How an image is chosen and its registry spoken to. */
export const platformOptions: readonly OptionDescription[] = [
  {
    flags: '--platform <os/arch>',
    description:
      'what an image of docker:// is to run on, such as linux/arm64 or linux/arm/v7 (default: this host)',
    environment: 'EVE_AGENT_PLATFORM',
    get schema() {
      return z.string().transform((text, context): WantedPlatform => {
        const platform = parsePlatform(text);
        if (platform !== null) return platform;
        context.addIssue('OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT expected, such as linux/arm64');
        return z.NEVER;
      });
    },
  },
  {
    flags: '--scheme <scheme>',
    description:
      'how the registry of docker:// is spoken to: http, https (default: http for names on .local without --ca and ' +
      'for loopback, else https)',
    environment: 'EVE_AGENT_SCHEME',
    get schema() {
      return z.enum(SCHEMES, { error: 'http or https expected' });
    },
  },
  registryAuthOption,
];

export const containerOptions: readonly OptionDescription[] = [
  {
    flags: '--form <form>',
    description: `how an image of docker:// is written: ${IMAGE_FORMS.join(', ')}`,
    environment: 'EVE_AGENT_FORM',
    get schema() {
      return z.enum(IMAGE_FORMS, { error: `one of ${IMAGE_FORMS.join(', ')} expected` });
    },
    default: 'oci-layout',
  },
  ...platformOptions,
];

/** What was asked for, else what runs on this host. */
export function platformWish(
  { platform }: Pick<ContainerOptions, 'platform'>,
  machine: string = arch(),
): PlatformWish {
  return platform === undefined ? hostPlatform(machine) : { platform, isExact: true };
}

/** How a registry is to be spoken to; undefined: as its name has it. */
export const schemeOf = ({
  scheme,
  ca,
}: Pick<ContainerOptions, 'scheme'> & Pick<ImageOptions, 'ca'>): RegistryScheme | undefined =>
  scheme ?? (ca === undefined ? undefined : 'https');

/** @throws ConfigurationError where something was said of an image that is said of files alone */
export function refuseFileOptions({ sha256, size }: Pick<ImageOptions, 'sha256' | 'size'>): void {
  if (sha256 === undefined && size === undefined) return;
  const message = 'are for files: an image is named by its digest, as docker://HOST/NAME@sha256:HEX';
  throw new ConfigurationError(`--sha256 and --size ${message}`);
}
