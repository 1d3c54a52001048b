// SPDX-License-Identifier: Apache-2.0
import { useStore } from '@local-datastore/shared/page/store';
import { durationText, percentOf } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { CheckIcon, CloseIcon, PlayIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useEffect } from 'preact/hooks';
import type { ArchiveImport, ArchiveImports } from './archive-imports.ts';

/** How far an import is. */
export function progressText({ state, sentBytes, sizeBytes, bytesPerSecond }: ArchiveImport): string {
  switch (state) {
    case 'waiting':
      return `Waiting · ${sizeText(sizeBytes)}`;
    case 'finishing':
      return `${sizeText(sizeBytes)} sent · the datastore names what is whole`;
    case 'done':
      return `${sizeText(sizeBytes)} · imported`;
    case 'failed':
      return 'Not imported, or not all of it:';
    case 'running': {
      const amount = `${sizeText(sentBytes)} of ${sizeText(sizeBytes)}`;
      if (bytesPerSecond === undefined || bytesPerSecond === 0) return amount;
      const left = durationText((sizeBytes - sentBytes) / bytesPerSecond);
      return `${amount} · ${sizeText(bytesPerSecond)}/s · ${left} left`;
    }
  }
}

function Row({ archive, imports }: { archive: ArchiveImport; imports: ArchiveImports }) {
  const { id, state, sentBytes, sizeBytes, sentences } = archive;
  const name = shownName(archive.fileName);
  const isOver = state === 'done' || state === 'failed';
  return (
    <li class={`upload upload-${state}`}>
      <div class="upload-text">
        <bdi class="path">{name}</bdi>
        <span class={state === 'failed' ? 'failure' : 'second'}>{progressText(archive)}</span>
        {sentences.map((sentence) => (
          <span key={sentence} class="second">
            {shownName(sentence)}
          </span>
        ))}
      </div>
      <span class="actions">
        {state === 'done' && <CheckIcon />}
        {state === 'failed' && (
          <button
            type="button"
            class="button-icon"
            aria-label={`Try again ${name}`}
            title="Try again"
            onClick={() => void imports.retry(id)}
          >
            <PlayIcon />
          </button>
        )}
        <button
          type="button"
          class="button-icon"
          aria-label={`${isOver ? 'Dismiss' : 'Cancel'} ${name}`}
          title={isOver ? 'Dismiss' : 'Cancel'}
          onClick={() => imports.cancel(id)}
        >
          <CloseIcon />
        </button>
      </span>
      {!isOver && (
        <progress value={percentOf(sentBytes, sizeBytes)} max={100} aria-label={`Import of ${name}`} />
      )}
    </li>
  );
}

/** Archives on their way into repositories. */
export function ArchiveImportPanel({ imports }: { imports: ArchiveImports }) {
  const list = useStore(imports.list);
  const isMoving = list.some(({ state }) => state !== 'done' && state !== 'failed');
  useEffect(() => {
    if (!isMoving) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isMoving]);
  if (list.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="archive-imports-title">
      <h2 id="archive-imports-title">Archives on their way into repositories</h2>
      <ul class="uploads" aria-live="polite">
        {list.map((archive) => (
          <Row key={archive.id} archive={archive} imports={imports} />
        ))}
      </ul>
    </section>
  );
}
