// SPDX-License-Identifier: Apache-2.0
import { createPageLoader } from '@local-datastore/shared/web/load-page';
import type { Page } from '@local-datastore/shared/web/page-files';

/** The agent's page, which is loaded when it is first asked for. */
export const openPage = (): (() => Promise<Page>) => createPageLoader(import.meta.url);
