// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { type Client, pathOf } from '../api/client.ts';
import { PolledDialog } from '../ui/polled-dialog.tsx';
import {
  type ContainerDocument,
  containerAddresses,
  containerMounts,
  containerPorts,
} from './container-facts.ts';

function List({ label, of: texts }: { label: string; of: readonly string[] }) {
  return (
    <Fact label={label}>
      {texts.length === 0 ? (
        'none'
      ) : (
        <ul>
          {texts.map((text) => (
            <li key={text} class="breakable">
              {shownName(text)}
            </li>
          ))}
        </ul>
      )}
    </Fact>
  );
}

/** The container that serves, as its engine has it. */
export function DetailsDialog({
  client,
  name,
  onClose,
}: {
  client: Client;
  name: string;
  onClose: () => void;
}) {
  return (
    <PolledDialog<ContainerDocument>
      client={client}
      title={`Container of ${shownName(name)}`}
      what="the container"
      path={`${pathOf('/v1/deployments', name)}/inspect`}
      onClose={onClose}
    >
      {(container) => (
        <dl class="facts">
          <Fact label="Name">
            <code class="breakable">{shownName((container.Name ?? '').replace(/^\//, ''))}</code>
          </Fact>
          <List label="Ports" of={containerPorts(container)} />
          <List label="Addresses" of={containerAddresses(container)} />
          <Fact label="Network">{shownName(container.HostConfig?.NetworkMode ?? 'default')}</Fact>
          <List label="Mounts" of={containerMounts(container)} />
          <Fact label="Restarts">{container.RestartCount ?? 0}</Fact>
          <Fact label="Last exit code">
            {container.State?.ExitCode ?? 0}
            {container.State?.OOMKilled === true && ', by lack of memory'}
          </Fact>
        </dl>
      )}
    </PolledDialog>
  );
}
