import { Dialog } from '../ui/dialog.tsx';
import { Document } from '../ui/document.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { registryHost } from './client-commands.ts';
import { clientConfigurations } from './client-config.ts';

export interface ConnectDialogProps {
  /** Whether the certificate is of the built-in authority. */
  readonly hasAuthority: boolean;
  readonly onClose: () => void;
}

/** The lines that clients need, for just the host, port and scheme that the page was asked by. */
export function ConnectDialog({ hasAuthority, onClose }: ConnectDialogProps) {
  const isTls = location.protocol === 'https:';
  return (
    <Dialog title="Connect a client" onClose={onClose} isWide>
      <div class="dialog-body">
        <p>
          For <strong class="path">{registryHost(location)}</strong> over {isTls ? 'HTTPS' : 'plain HTTP'}, as
          this page was opened. By another name or port, clients need other lines: open the page by that one.
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
          tabs={clientConfigurations(location, hasAuthority).map(({ client, text, hint }) => ({
            label: client,
            content: <Document text={text} what={`configuration of ${client}`} hint={hint} />,
          }))}
        />
      </div>
    </Dialog>
  );
}
