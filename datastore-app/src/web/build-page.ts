// SPDX-License-Identifier: Apache-2.0
import { type BuiltPage, buildPageOf } from '@local-datastore/shared/web/build-page';

/** Builds the datastore's page, in memory. */
export const buildPage = (): Promise<BuiltPage> =>
  buildPageOf({ folder: new URL('./page/', import.meta.url), assetPath: '/-/assets/' });
