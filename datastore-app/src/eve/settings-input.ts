// SPDX-License-Identifier: Apache-2.0
import type { Image } from '../images/catalogue.ts';

/** What the settings for EVE are made of. */
export interface EveSettingsInput {
  readonly image: Pick<Image, 'path' | 'sizeBytes' | 'sha256' | 'format' | 'content' | 'problems'> & {
    readonly state: string;
  };
  /** With `.local`, or of a public place. */
  readonly hostName: string;
  readonly scheme: 'http' | 'https';
  /** Where this scheme is listened on. */
  readonly port: number;
  /** PEM of the authority that EVE has to trust; undefined: none, or it is not known. */
  readonly certificatePem: string | undefined;
  readonly isReadOpen: boolean;
  /** undefined: advertising is off. */
  readonly advertising: { readonly isReady: boolean; readonly reasons: readonly string[] } | undefined;
  /** Scheme, host and port by which whoever asks reached the datastore, such as `http://10.1.0.5:8080`. */
  readonly reachedAt: string | undefined;
}
