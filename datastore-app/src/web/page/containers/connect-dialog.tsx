// SPDX-License-Identifier: Apache-2.0
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import type { Place } from '../api/told-place.ts';
import { Document } from '../ui/document.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { registryHost } from './client-commands.ts';
import { clientConfigurations } from './client-config.ts';

export interface ConnectDialogProps {
  readonly place: Place;
  /** Whether the certificate is of the built-in authority. */
  readonly hasAuthority: boolean;
  readonly onClose: () => void;
}

/** The lines that clients need, for just the host, port and scheme of a place. */
export function ConnectDialog({ place, hasAuthority, onClose }: ConnectDialogProps) {
  const isTls = place.protocol === 'https:';
  const why = place.origin === location.origin ? 'as this page was opened' : 'as is said here (public-url)';
  return (
    <Dialog title="Connect a client" onClose={onClose} isWide>
      <div class="dialog-body">
        <p>
          For <strong class="path">{registryHost(place)}</strong> over {isTls ? 'HTTPS' : 'plain HTTP'}, {why}
          . By another name or port, clients need other lines: open the page by that one.
        </p>
        {isTls && hasAuthority && (
          <p class="second">
            The certificate is of this datastore's own authority:{' '}
            <a href="/-/ca.pem" download="ca.pem">
              ca.pem
            </a>
            . Have it on the machine of the client.
          </p>
        )}
        <Tabs
          label="Clients"
          tabs={clientConfigurations(place, hasAuthority).map(({ client, text, hint }) => ({
            label: client,
            content: <Document text={text} what={`configuration of ${client}`} hint={hint} />,
          }))}
        />
      </div>
    </Dialog>
  );
}
