// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { useState } from 'preact/hooks';
import { type Client, pathOf } from '../api/client.ts';
import { Refused } from '../ui/refused.tsx';
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
  const [load] = useState(
    () => () => client.read<ContainerDocument>(`${pathOf('/v1/deployments', name)}/inspect`),
  );
  const { value, failure } = usePolled(load);
  return (
    <Dialog title={`Container of ${shownName(name)}`} isWide onClose={onClose}>
      <div class="dialog-body">
        {failure !== undefined && <Refused what="the container" failure={failure} />}
        {value !== undefined && (
          <dl class="facts">
            <Fact label="Name">
              <code class="breakable">{shownName((value.Name ?? '').replace(/^\//, ''))}</code>
            </Fact>
            <List label="Ports" of={containerPorts(value)} />
            <List label="Addresses" of={containerAddresses(value)} />
            <Fact label="Network">{shownName(value.HostConfig?.NetworkMode ?? 'default')}</Fact>
            <List label="Mounts" of={containerMounts(value)} />
            <Fact label="Restarts">{value.RestartCount ?? 0}</Fact>
            <Fact label="Last exit code">
              {value.State?.ExitCode ?? 0}
              {value.State?.OOMKilled === true && ', by lack of memory'}
            </Fact>
          </dl>
        )}
      </div>
    </Dialog>
  );
}
