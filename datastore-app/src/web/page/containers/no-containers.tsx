// SPDX-License-Identifier: Apache-2.0
import type { Place } from '../api/told-place.ts';
import { Command } from '../ui/command.tsx';
import { clientCommands, registryHost } from './client-commands.ts';

/** Tells how the first container image gets here. */
export function NoContainers({
  place,
  onConnect,
  onImport,
}: {
  place: Place;
  onConnect: () => void;
  onImport: () => void;
}) {
  const image = { repository: 'group/app', tag: '1', canPush: true };
  const push = clientCommands(place, image).find(({ client }) => client === 'docker')?.push ?? '';
  return (
    <section class="empty" aria-labelledby="no-containers-title">
      <h2 id="no-containers-title">No containers yet</h2>
      <p>Every client of an OCI registry can use this datastore. Add the first image in any of these ways.</p>
      <ul class="ways">
        <li>
          <h3>Let the client know</h3>
          <p>Docker and its like have to be told once that they may use {registryHost(place)}.</p>
          <button type="button" class="button button-main" onClick={onConnect}>
            Connect a client
          </button>
        </li>
        <li>
          <h3>Push</h3>
          <p>
            The password of <code>admin</code> is what <code>datastore-app token</code> prints.
          </p>
          <Command
            text={`docker login --username admin ${registryHost(place)}\n${push}`}
            what="docker commands"
          />
        </li>
        <li>
          <h3>Import</h3>
          <p>The datastore fetches an image from another registry, or takes it from an archive of yours.</p>
          <button type="button" class="button" onClick={onImport}>
            Import images
          </button>
        </li>
        <li>
          <h3>Keep an archive</h3>
          <p>
            Upload a plain tar under <a href="#images">Images</a>: it stays a file, and is offered as a
            repository from where it stands.
          </p>
          <Command text="docker save -o app.tar IMAGE" what="docker command to save an image" />
        </li>
      </ul>
    </section>
  );
}
