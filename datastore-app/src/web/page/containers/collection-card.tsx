// SPDX-License-Identifier: Apache-2.0
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Card } from '@local-datastore/shared/page/ui/card.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useState } from 'preact/hooks';
import type { Collected } from '../api/registry-answers.ts';
import { collect } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';

interface Told {
  readonly collected: Collected;
  readonly isDone: boolean;
}

/** What belongs to no image: first it is said what would go, then it goes. */
export function CollectionCard({ context, onCollected }: { context: PageContext; onCollected: () => void }) {
  const [told, setTold] = useState<Told>();
  const { isBusy, failure, run } = useAttempt();
  const start = (isDone: boolean) =>
    run(async () => {
      const collected = await collect(context.client, isDone);
      if (collected === undefined) return;
      setTold({ collected, isDone });
      announce(collected.sentences.join(' '));
      if (isDone) onCollected();
    });
  const isSomething = told !== undefined && (told.collected.manifests.length > 0 || told.collected.blobs > 0);
  return (
    <Card title="Collection" isWide>
      <p class="second">
        Blobs of no image take up room until they are collected, and images without a tag where they are not
        kept. What a push, a pull or an import relies on stays.
      </p>
      {told !== undefined && (
        <div>
          <h3>{told.isDone ? 'Collected' : 'Would be collected'}</h3>
          <ul class="sentences">
            {told.collected.sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </div>
      )}
      <Failure text={failure} />
      <p class="buttons">
        <button type="button" class="button" disabled={isBusy} onClick={() => void start(false)}>
          What would be collected?
        </button>
        {isSomething && !told.isDone && (
          <button
            type="button"
            class="button button-danger-main"
            disabled={isBusy}
            onClick={() => void start(true)}
          >
            Collect now
          </button>
        )}
      </p>
    </Card>
  );
}
