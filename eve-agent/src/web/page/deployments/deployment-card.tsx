// SPDX-License-Identifier: Apache-2.0
import { percentOf } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Age, Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { Digest } from '@local-datastore/shared/page/ui/digest.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useId, useRef, useState } from 'preact/hooks';
import type { Deployment } from '../api/answers.ts';
import { plainLine } from '../logs/plain-line.ts';
import { Badge, type Mood } from '../ui/badge.tsx';
import { ThingHead } from '../ui/thing-head.tsx';
import type { OpenDialog } from './deployment-dialog.tsx';
import type { OperationRun } from './operation-run.ts';
import type { Operations } from './operations.ts';

const STATE_MOODS: Readonly<Record<Deployment['state'], Mood>> = {
  running: 'good',
  stopped: 'off',
  restarting: 'bad',
  paused: 'off',
};
const HEALTH_MOODS: Readonly<Record<Deployment['health'], Mood>> = {
  healthy: 'good',
  unhealthy: 'bad',
  starting: 'busy',
  unknown: 'off',
};

function Facts({ deployment }: { deployment: Deployment }) {
  const { image, generation, configDigest, startedAt, kept, drift } = deployment;
  return (
    <dl class="facts">
      <Fact label="Version">
        {image === '' ? (
          'nothing is deployed'
        ) : (
          <>
            {generation !== null && `${generation}: `}
            <code class="breakable">{shownName(image)}</code>
          </>
        )}
      </Fact>
      {configDigest !== null && (
        <Fact label="Image id">
          <Digest digest={configDigest} what="image id" />
        </Fact>
      )}
      {startedAt !== null && (
        <Fact label="Started">
          <Age at={startedAt} />
        </Fact>
      )}
      <Fact label="Kept">
        {kept.length === 0 ? 'no version to roll back to' : `version ${kept.join(', ')}`}
      </Fact>
      {drift.length > 0 && (
        <Fact label="Waits">
          {drift.join(', ')} of the configuration: Start or Restart put {drift.length === 1 ? 'it' : 'them'}{' '}
          in force
        </Fact>
      )}
    </dl>
  );
}

/** What this page has begun: how far it is, or what came of it. */
function Run({ run, name, operations }: { run: OperationRun; name: string; operations: Operations }) {
  const { operation, state, text, sent, logs } = run;
  const label = `${operation} of ${shownName(name)}`;
  return (
    <div class={`run run-${state}`}>
      <p>
        <strong>{operation}</strong> {state === 'running' ? '' : `${state}: `}
        {shownName(text)}
      </p>
      {sent !== undefined && (
        <>
          <progress value={sent.bytes} max={sent.ofBytes} aria-label={`Sent for ${label}`} />
          <p class="second">
            {percentOf(sent.bytes, sent.ofBytes)} %, {sizeText(sent.bytes)} of {sizeText(sent.ofBytes)}
          </p>
        </>
      )}
      {logs.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="lines lines-short" tabIndex={0} aria-label={`Last lines, ${label}`}>
          <pre>{logs.map(plainLine).join('\n')}</pre>
        </section>
      )}
      <div class="thing-actions">
        {sent !== undefined && (
          <button
            type="button"
            class="button button-small"
            aria-label={`Give up ${label}`}
            onClick={() => operations.giveUp(name)}
          >
            Give up
          </button>
        )}
        {state !== 'running' && (
          <button
            type="button"
            class="button button-small"
            aria-label={`Dismiss ${label}`}
            onClick={() => operations.dismiss(name)}
          >
            Dismiss
          </button>
        )}
      </div>
    </div>
  );
}

interface CardProps {
  readonly deployment: Deployment;
  readonly run: OperationRun | undefined;
  readonly operations: Operations;
  readonly onOpen: (dialog: OpenDialog['dialog'], file?: File) => void;
}

function Actions({ deployment, run, operations, onOpen }: CardProps) {
  const { name, state, image, kept, operation, problem } = deployment;
  const chooser = useRef<HTMLInputElement>(null);
  const isBusy = run?.state === 'running' || operation !== null;
  const isDeployed = image !== '';
  // What needs what the configuration says of it.
  const isUsable = !isBusy && problem === null;
  const button = (label: string, isPossible: boolean, onClick: () => void, isDanger = false) => (
    <button
      type="button"
      class={isDanger ? 'button button-small button-danger' : 'button button-small'}
      aria-label={`${label.replace('…', '')} ${shownName(name)}`}
      disabled={!isPossible}
      onClick={onClick}
    >
      {label}
    </button>
  );
  const begin = (what: 'start' | 'stop' | 'restart') => () => operations.begin(name, what);
  return (
    <>
      <div class="thing-actions">
        {button('Load…', isUsable, () => chooser.current?.click())}
        {button('Pull…', isUsable, () => onOpen('pull'))}
        {state !== 'stopped'
          ? button('Stop', !isBusy && isDeployed, begin('stop'))
          : button('Start', isUsable && isDeployed, begin('start'))}
        {button('Restart', isUsable && isDeployed, begin('restart'))}
        {button('Roll back…', !isBusy && kept.length > 0, () => onOpen('rollback'))}
      </div>
      <div class="thing-actions">
        {button('Log', isDeployed, () => onOpen('logs'))}
        {button('History', true, () => onOpen('history'))}
        {button('Details', isDeployed, () => onOpen('details'))}
        {button('Prune…', !isBusy, () => onOpen('prune'), true)}
        {button('Delete…', !isBusy && isDeployed, () => onOpen('delete'), true)}
      </div>
      <input
        ref={chooser}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        aria-label={`Archive for ${shownName(name)}`}
        accept=".tar,.gz,.tgz,.zst,.tzst"
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          // The same file again is a choice, too.
          currentTarget.value = '';
          if (file !== undefined) onOpen('load', file);
        }}
      />
    </>
  );
}

/** One deployment; an image archive that is dropped on it is loaded. */
export function DeploymentCard(props: CardProps) {
  const { deployment, run, operations, onOpen } = props;
  const { name, state, image, health, operation, problem } = deployment;
  const id = useId();
  const [isOver, setIsOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const [file] = event.dataTransfer?.files ?? [];
    const isPossible = run?.state !== 'running' && operation === null && problem === null;
    if (file !== undefined && isPossible) onOpen('load', file);
  };
  return (
    <article
      class={isOver ? 'card card-over' : 'card'}
      aria-labelledby={id}
      onDragOver={() => setIsOver(true)}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <ThingHead id={id} name={shownName(name)}>
        <Badge mood={image === '' ? 'off' : STATE_MOODS[state]}>{image === '' ? 'empty' : state}</Badge>
        {image !== '' && health !== 'unknown' && <Badge mood={HEALTH_MOODS[health]}>{health}</Badge>}
      </ThingHead>
      {problem !== null && <p class="failure">It cannot be used as it is configured: {shownName(problem)}</p>}
      {operation !== null && run?.state !== 'running' && (
        <p class="second">
          {operation.operation} by <bdi class="path">{shownName(operation.by)}</bdi> runs, begun{' '}
          <Age at={operation.since} />
        </p>
      )}
      <Facts deployment={deployment} />
      {run !== undefined && <Run run={run} name={name} operations={operations} />}
      <Actions {...props} />
    </article>
  );
}
