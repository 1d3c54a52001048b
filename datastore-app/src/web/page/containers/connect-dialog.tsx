import { useEffect, useState } from 'preact/hooks';
import { CONFIGURED_CLIENTS, type ConfiguredClient, readClientConfig } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Document } from '../ui/document.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { registryHost } from './client-commands.ts';

const LABELS: Readonly<Record<ConfiguredClient, string>> = {
  docker: 'Docker',
  podman: 'Podman',
  containerd: 'containerd',
  k3s: 'k3s',
};

function Configuration({ program, context }: { program: ConfiguredClient; context: PageContext }) {
  const [text, setText] = useState<string>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    let isWanted = true;
    readClientConfig(context.client, program).then(
      (answer) => isWanted && setText(answer),
      (error: Error) => isWanted && setFailure(error.message),
    );
    return () => {
      isWanted = false;
    };
  }, [program, context]);
  if (failure !== undefined) {
    return (
      <p class="failure" role="alert">
        {failure}
      </p>
    );
  }
  if (text === undefined) return null;
  return (
    <Document
      text={text}
      what={`configuration of ${LABELS[program]}`}
      hint={`Once, on each machine whose ${LABELS[program]} is to use this datastore.`}
    />
  );
}

export interface ConnectDialogProps {
  /** Whether the certificate is of the built-in authority. */
  readonly hasAuthority: boolean;
  readonly context: PageContext;
  readonly onClose: () => void;
}

/** The lines that clients need, for just the host, port and scheme that the page was asked by. */
export function ConnectDialog({ hasAuthority, context, onClose }: ConnectDialogProps) {
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
            .
          </p>
        )}
        <Tabs
          label="Clients"
          tabs={CONFIGURED_CLIENTS.map((program) => ({
            label: LABELS[program],
            content: <Configuration key={program} program={program} context={context} />,
          }))}
        />
      </div>
    </Dialog>
  );
}
