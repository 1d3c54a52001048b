// SPDX-License-Identifier: Apache-2.0
import { createSiteLoaders, type SiteLoaders } from '@local-datastore/shared/web/load-sites';

/** The agent's page and its manual, each loaded when it is first asked for. */
export const openSites = (): SiteLoaders => createSiteLoaders(import.meta.url);
