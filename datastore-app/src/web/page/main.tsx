// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { render } from 'preact';
import { createAccess } from './access/access.ts';
import { createCredentialStorage } from './access/credentials.ts';
import { createClient } from './api/client.ts';
import { App } from './app.tsx';
import { createArchiveImports } from './archives/archive-imports.ts';
import { sendArchive } from './archives/send-archive.ts';
import { startPolling } from './live/poll.ts';
import { createUploads } from './uploads/uploads.ts';

const access = createAccess(createCredentialStorage(sessionStorage, localStorage));
const client = createClient(access);
const poll = startPolling(client, access);
const uploads = createUploads(access, (path) => {
  announce(`${path} was uploaded`);
  poll.refresh();
});
const archiveImports = createArchiveImports({ access, send: sendArchive }, (fileName) => {
  announce(`${fileName} was imported`);
  poll.refresh();
});
void uploads.findUnfinished();
// How far an upload is, is told only to who may write.
access.hasWriteToken.subscribe(() => void uploads.findUnfinished());

const root = document.getElementById('page');
if (root !== null) {
  // What stood there while this was loading.
  root.replaceChildren();
  render(<App context={{ access, client, poll, uploads, archiveImports }} />, root);
}
