// SPDX-License-Identifier: Apache-2.0
import type { AppInstanceStatus } from '@local-datastore/shared/eve/app-instance-status';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Age, Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useId } from 'preact/hooks';
import { type Client, pathOf } from '../api/client.ts';
import { moodOf, STATE_MEANINGS } from '../text/states.ts';
import { Badge } from '../ui/badge.tsx';
import { ThingHead } from '../ui/thing-head.tsx';
import { portText, switchText } from './app-text.ts';

export const nameOf = ({ DisplayName, AppID }: Pick<AppInstanceStatus, 'DisplayName' | 'AppID'>): string =>
  shownName(DisplayName || AppID);

function Facts({ app, tree }: { app: AppInstanceStatus; tree: ContentTreeStatus | undefined }) {
  const lastSwitch = switchText(app.LastSwitch);
  return (
    <dl class="facts">
      {app.StateTime !== '' && (
        <Fact label="Since">
          <Age at={app.StateTime} />
        </Fact>
      )}
      <Fact label="Image">
        {app.Image === '' ? 'none runs' : <code class="breakable">{shownName(app.Image)}</code>}
      </Fact>
      {tree !== undefined && tree.ContentSha256 !== '' && (
        <Fact label="Content">
          <bdi class="breakable">{shownName(tree.DisplayName || tree.RelativeURL)}</bdi>{' '}
          <Digest digest={tree.ContentSha256} what="digest" />
        </Fact>
      )}
      {(app.IPAddress !== '' || app.Bridge !== '') && (
        <Fact label="Network">
          {app.IPAddress || 'no address yet'}
          {app.Bridge !== '' && ` on ${app.Bridge}`}
        </Fact>
      )}
      <Fact label="Ports">
        {app.PortMaps.length === 0 ? (
          'none lead here'
        ) : (
          <ul>
            {app.PortMaps.map((map) => (
              <li key={portText(map)}>{portText(map)}</li>
            ))}
          </ul>
        )}
      </Fact>
      <Fact label="Version">
        {app.Generation === 0 ? 'none was started' : `${app.Generation}`}
        {app.BootTime !== '' && (
          <>
            , started <Age at={app.BootTime} />
          </>
        )}
      </Fact>
      <Fact label="Restarts">{app.RestartCount}</Fact>
      {lastSwitch !== undefined && <Fact label="Last switch">{lastSwitch}</Fact>}
    </dl>
  );
}

export interface AppCardProps {
  readonly app: AppInstanceStatus;
  /** What it is started from. */
  readonly tree: ContentTreeStatus | undefined;
  readonly client: Client;
  readonly onChanged: () => void;
  readonly onLog: () => void;
  readonly onPurge: () => void;
}

/** One app. */
export function AppCard({ app, tree, client, onChanged, onLog, onPurge }: AppCardProps) {
  const id = useId();
  const { isBusy, failure, run } = useAttempt();
  const name = nameOf(app);
  const restart = () =>
    run(async () => {
      await client.act(`${pathOf('/v1/apps', app.AppID)}/restart`);
      announce(`${name} is restarted`);
      onChanged();
    });
  return (
    <article class="card" aria-labelledby={id}>
      <ThingHead id={id} name={name}>
        <Badge mood={moodOf(app.State, app.Error)}>{app.State}</Badge>
      </ThingHead>
      <p class="second">{STATE_MEANINGS[app.State]}</p>
      {app.Error !== '' && (
        <p class="failure">
          {shownName(app.Error)}
          {app.ErrorCode !== '' && ` (${app.ErrorCode})`}
        </p>
      )}
      <Facts app={app} tree={tree} />
      {app.Warnings.length > 0 && (
        <ul class="warnings">
          {app.Warnings.map((warning) => (
            <li key={warning}>{shownName(warning)}</li>
          ))}
        </ul>
      )}
      <Failure text={failure} />
      <div class="thing-actions">
        <button type="button" class="button button-small" aria-label={`Log of ${name}`} onClick={onLog}>
          Log
        </button>
        <button
          type="button"
          class="button button-small"
          aria-label={`Restart ${name}`}
          disabled={isBusy || !app.Activate}
          onClick={() => void restart()}
        >
          Restart
        </button>
        <button
          type="button"
          class="button button-small button-danger"
          aria-label={`Purge ${name}`}
          disabled={!app.Activate}
          onClick={onPurge}
        >
          Purge…
        </button>
      </div>
      {!app.Activate && <p class="second">The configuration does not let it run (activate is false).</p>}
    </article>
  );
}
