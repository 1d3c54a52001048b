// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { render } from 'preact';
import { createClient } from './api/client.ts';
import { App } from './app.tsx';
import { createOperations } from './deployments/operations.ts';

const client = createClient();
const operations = createOperations(client, announce);

// What is being sent ends with the page.
addEventListener('beforeunload', (event) => {
  if (operations.areRunning()) event.preventDefault();
});
// A file that is dropped beside a deployment would be opened in place of the page.
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());

const root = document.getElementById('page');
if (root !== null) {
  // What stood there while this was loading.
  root.replaceChildren();
  render(<App context={{ client, operations }} />, root);
}
