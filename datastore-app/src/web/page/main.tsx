import { render } from 'preact';
import { createAccess } from './access/access.ts';
import { createCredentialStorage } from './access/credentials.ts';
import { createClient } from './api/client.ts';
import { App } from './app.tsx';
import { startPolling } from './live/poll.ts';
import { announce } from './ui/announce.ts';
import { createUploads } from './uploads/uploads.ts';

const access = createAccess(createCredentialStorage(sessionStorage, localStorage));
const client = createClient(access);
const poll = startPolling(client, access);
const uploads = createUploads(access, (path) => {
  announce(`${path} was uploaded`);
  poll.refresh();
});
void uploads.findUnfinished();
// How far an upload is, is told only to who may write.
access.hasWriteToken.subscribe(() => void uploads.findUnfinished());

const root = document.getElementById('page');
if (root !== null) render(<App context={{ access, client, poll, uploads }} />, root);
