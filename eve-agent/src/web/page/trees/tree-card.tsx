// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useId } from 'preact/hooks';
import { type Client, pathOf } from '../api/client.ts';
import { moodOf, STATE_MEANINGS } from '../text/states.ts';
import { Badge } from '../ui/badge.tsx';
import { ThingHead } from '../ui/thing-head.tsx';
import { actionsOf, HOLD_TEXTS } from './tree-actions.ts';

export const treeName = ({
  DisplayName,
  RelativeURL,
  ContentID,
}: Pick<ContentTreeStatus, 'DisplayName' | 'RelativeURL' | 'ContentID'>): string =>
  shownName(DisplayName || RelativeURL || ContentID);

/** As a label and as what is announced. */
const WORDS = {
  retry: ['Retry', 'is tried again'],
  pause: ['Pause', 'is paused'],
  resume: ['Resume', 'goes on'],
  cancel: ['Cancel…', 'is cancelled'],
} as const;

function Progress({
  tree: { Progress, CurrentSize, TotalSize },
  name,
}: {
  tree: ContentTreeStatus;
  name: string;
}) {
  return (
    <>
      <progress value={Progress} max={100} aria-label={`Progress of ${name}`} />
      <p class="second">
        {Progress} %, {sizeText(CurrentSize)}
        {TotalSize > 0 && ` of ${sizeText(TotalSize)}`}
      </p>
    </>
  );
}

export interface TreeCardProps {
  readonly tree: ContentTreeStatus;
  /** Its URL; undefined: it is not known. */
  readonly datastore: string | undefined;
  readonly client: Client;
  readonly onChanged: () => void;
  readonly onCancel: () => void;
}

/** One content tree. */
export function TreeCard({ tree, datastore, client, onChanged, onCancel }: TreeCardProps) {
  const id = useId();
  const { isBusy, failure, run } = useAttempt();
  const name = treeName(tree);
  const actions = actionsOf(tree);
  const act = (action: keyof typeof WORDS) =>
    run(async () => {
      await client.act(`${pathOf('/v1/content-trees', tree.ContentID)}/${action}`);
      announce(`${name} ${WORDS[action][1]}`);
      onChanged();
    });
  return (
    <article class="card" aria-labelledby={id}>
      <ThingHead id={id} name={name}>
        <Badge mood={moodOf(tree.State, tree.Error)}>{tree.State}</Badge>
      </ThingHead>
      <p class="second">{HOLD_TEXTS[tree.Hold] ?? STATE_MEANINGS[tree.State]}</p>
      {tree.State !== 'VERIFIED' && tree.TotalSize > 0 && <Progress tree={tree} name={name} />}
      {tree.Error !== '' && (
        <p class="failure">
          {shownName(tree.Error)}
          {tree.ErrorCode !== '' && ` (${tree.ErrorCode})`}
          {tree.ErrorRetryCondition !== '' && (
            <span class="second"> {shownName(tree.ErrorRetryCondition)}</span>
          )}
        </p>
      )}
      <dl class="facts">
        {tree.DatastoreID !== '' && (
          <Fact label="Datastore">
            <span class="breakable">{shownName(datastore ?? tree.DatastoreID)}</span>
          </Fact>
        )}
        <Fact label="Path">
          <bdi class="breakable">{shownName(tree.RelativeURL)}</bdi>
        </Fact>
        {tree.State === 'VERIFIED' && tree.TotalSize > 0 && (
          <Fact label="Size">{sizeText(tree.TotalSize)}</Fact>
        )}
        {tree.ContentSha256 !== '' && (
          <Fact label="Digest">
            <Digest digest={tree.ContentSha256} what="digest" />
          </Fact>
        )}
        {tree.RetryCount > 0 && <Fact label="Retries">{tree.RetryCount}</Fact>}
      </dl>
      <Failure text={failure} />
      {actions.length > 0 && (
        <div class="thing-actions">
          {actions.map((action) => (
            <button
              key={action}
              type="button"
              class={action === 'cancel' ? 'button button-small button-danger' : 'button button-small'}
              aria-label={`${WORDS[action][0].replace('…', '')} ${name}`}
              disabled={isBusy}
              onClick={() => (action === 'cancel' ? onCancel() : void act(action))}
            >
              {WORDS[action][0]}
            </button>
          ))}
        </div>
      )}
    </article>
  );
}
