// SPDX-License-Identifier: Apache-2.0
import type { Access } from './access/access.ts';
import type { Client } from './api/client.ts';
import type { ArchiveImports } from './archives/archive-imports.ts';
import type { Poll } from './live/poll.ts';
import type { Uploads } from './uploads/uploads.ts';

/** What the parts of the page work with; made once, in main.tsx. */
export interface PageContext {
  readonly access: Access;
  readonly client: Client;
  readonly poll: Poll;
  readonly uploads: Uploads;
  readonly archiveImports: ArchiveImports;
}
