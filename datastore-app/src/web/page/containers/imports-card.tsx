// SPDX-License-Identifier: Apache-2.0
import { percentOf } from '@local-datastore/shared/page/text/quantities';
import { announce } from '@local-datastore/shared/page/ui/announce';
import { Age, Card } from '@local-datastore/shared/page/ui/card.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { useAttempt } from '@local-datastore/shared/page/ui/use-attempt';
import { useRef } from 'preact/hooks';
import type { ImportJob } from '../api/registry-answers.ts';
import { removeImport, retryImport } from '../api/registry-client.ts';
import type { PageContext } from '../context.ts';
import { createTransferRate, type TransferRate } from '../uploads/transfer-rate.ts';
import { hasEnded, importName, progressSentence, shownImports } from './import-list.ts';

const STATES = {
  queued: { word: 'waiting', kind: 'off' },
  running: { word: 'running', kind: 'off' },
  done: { word: 'done', kind: 'good' },
  failed: { word: 'failed', kind: 'bad' },
  cancelled: { word: 'cancelled', kind: 'off' },
} as const;

/** How fast each import goes, by what is read of it. */
function useRates(jobs: readonly ImportJob[]): (job: ImportJob) => number | undefined {
  const rates = useRef(new Map<string, TransferRate>());
  const running = jobs.filter(({ state }) => state === 'running');
  for (const id of rates.current.keys()) {
    if (!running.some((job) => job.id === id)) rates.current.delete(id);
  }
  for (const { id, doneBytes } of running) {
    const rate = rates.current.get(id) ?? createTransferRate();
    rates.current.set(id, rate);
    rate.note(doneBytes, performance.now());
  }
  return ({ id }) => rates.current.get(id)?.bytesPerSecond();
}

function Progress({ job, bytesPerSecond }: { job: ImportJob; bytesPerSecond: number | undefined }) {
  const { state, sizeBytes, doneBytes, failure, notes } = job;
  const sentence = progressSentence(job, bytesPerSecond);
  return (
    <>
      {state === 'running' && sizeBytes > 0 ? (
        <span class="hashing">
          <progress
            value={percentOf(doneBytes, sizeBytes)}
            max={100}
            aria-label={`Import of ${importName(job)}`}
          />
          <span>{sentence}</span>
        </span>
      ) : (
        sentence !== '' && <span class="second">{sentence}</span>
      )}
      {failure !== null && <p class="second reason">{failure.message}</p>}
      {notes.map((note) => (
        <p key={note} class="second reason">
          {note}
        </p>
      ))}
    </>
  );
}

export interface ImportsCardProps {
  readonly imports: readonly ImportJob[];
  readonly context: PageContext;
  readonly onChange: () => void;
}

/** What was asked to come from other registries, and how far it is. */
export function ImportsCard({ imports, context, onChange }: ImportsCardProps) {
  const { failure, run } = useAttempt();
  const rateOf = useRates(imports);
  const act = async (work: () => Promise<boolean>, sentence: string) => {
    await run(async () => {
      if (await work()) announce(sentence);
    });
    onChange();
  };
  const { client } = context;
  return (
    <Card title="Imports" isWide>
      <Failure text={failure} />
      <ul class="imports" aria-label="Images from other registries">
        {shownImports(imports).map((job) => {
          const { id, source, state, created, ended } = job;
          const name = importName(job);
          return (
            <li key={id}>
              <div>
                <bdi class="path">{name}</bdi>
                <span class="second import-source">{source}</span>
              </div>
              <div class="import-progress">
                <span class="import-state">
                  <span class={`badge badge-${STATES[state].kind}`}>{STATES[state].word}</span>
                  <span class="second">
                    <Age at={ended ?? created} />
                  </span>
                </span>
                <Progress job={job} bytesPerSecond={rateOf(job)} />
              </div>
              <span class="buttons import-actions">
                {(state === 'failed' || state === 'cancelled') && (
                  <button
                    type="button"
                    class="button button-small"
                    aria-label={`Try again: ${name}`}
                    onClick={() => void act(() => retryImport(client, id), `${name} is tried again`)}
                  >
                    Try again
                  </button>
                )}
                <button
                  type="button"
                  class="button button-small"
                  aria-label={`${hasEnded(job) ? 'Forget' : 'Cancel'} the import of ${name}`}
                  onClick={() =>
                    void act(
                      () => removeImport(client, id),
                      `The import of ${name} is ${hasEnded(job) ? 'forgotten' : 'cancelled'}`,
                    )
                  }
                >
                  {hasEnded(job) ? 'Forget' : 'Cancel'}
                </button>
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
