import { sizeText } from '@local-datastore/shared/text/quantities';
import { useRef, useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import { useStore } from '../store.ts';
import { durationText, percentOf } from '../text/quantities.ts';
import { shownName } from '../text/shown-name.ts';
import { CheckIcon, CloseIcon, PauseIcon, PlayIcon } from '../ui/icons.tsx';
import type { UnfinishedUpload } from './unfinished.ts';
import type { Upload, Uploads } from './uploads.ts';

/** What a row says about its upload. */
export function progressText({ state, sentBytes, sizeBytes, bytesPerSecond, message }: Upload): string {
  const amount = `${sizeText(sentBytes)} of ${sizeText(sizeBytes)}`;
  switch (state) {
    case 'waiting':
      return `Waiting · ${sizeText(sizeBytes)}`;
    case 'finishing':
      return `${sizeText(sizeBytes)} sent · the datastore checks it`;
    case 'retrying':
      return `${amount} · interrupted, trying again`;
    case 'paused':
      return `${amount} · paused`;
    case 'exists':
      return 'An image of this name exists already.';
    case 'failed':
      return message ?? 'Failed';
    case 'done':
      return `${sizeText(sizeBytes)} · uploaded`;
    case 'running': {
      if (bytesPerSecond === undefined || bytesPerSecond === 0) return amount;
      const left = durationText((sizeBytes - sentBytes) / bytesPerSecond);
      return `${amount} · ${sizeText(bytesPerSecond)}/s · ${left} left`;
    }
  }
}

function UploadRow({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { id, path, state, sentBytes, sizeBytes } = upload;
  const isOver = state === 'done';
  const mayPause = ['running', 'waiting', 'retrying'].includes(state);
  const mayResume = state === 'paused' || state === 'failed';
  return (
    <li class={`upload upload-${state}`}>
      <div class="upload-text">
        <bdi class="path">{shownName(path)}</bdi>
        <span class={state === 'failed' || state === 'exists' ? 'failure' : 'second'}>
          {progressText(upload)}
        </span>
      </div>
      <span class="actions">
        {isOver && <CheckIcon />}
        {state === 'exists' && (
          <button type="button" class="button button-small" onClick={() => void uploads.replace(id)}>
            Replace
          </button>
        )}
        {mayPause && (
          <button
            type="button"
            class="button-icon"
            aria-label={`Pause ${path}`}
            title="Pause"
            onClick={() => uploads.pause(id)}
          >
            <PauseIcon />
          </button>
        )}
        {mayResume && (
          <button
            type="button"
            class="button-icon"
            aria-label={`${state === 'failed' ? 'Try again' : 'Resume'} ${path}`}
            title={state === 'failed' ? 'Try again' : 'Resume'}
            onClick={() => void uploads.resume(id)}
          >
            <PlayIcon />
          </button>
        )}
        <button
          type="button"
          class="button-icon"
          aria-label={`${isOver ? 'Dismiss' : 'Cancel'} ${path}`}
          title={isOver ? 'Dismiss' : 'Cancel'}
          onClick={() => void uploads.cancel(id)}
        >
          <CloseIcon />
        </button>
      </span>
      {!isOver && (
        <progress value={percentOf(sentBytes, sizeBytes)} max={100} aria-label={`Upload of ${path}`} />
      )}
    </li>
  );
}

function UnfinishedRow({ upload, uploads }: { upload: UnfinishedUpload; uploads: Uploads }) {
  const chooser = useRef<HTMLInputElement>(null);
  const [failure, setFailure] = useState<string>();
  const { path, sizeBytes, receivedBytes } = upload;
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    if (await uploads.resumeUnfinished(upload, file)) return;
    setFailure(
      `${file.name} is not the file this upload was begun with: name, size or time differ. Choose that file, or discard the upload and begin anew.`,
    );
  };
  return (
    <li class="upload">
      <div class="upload-text">
        <bdi class="path">{shownName(path)}</bdi>
        <span class={failure === undefined ? 'second' : 'failure'}>
          {failure ??
            `Unfinished${receivedBytes === undefined ? '' : ` · ${sizeText(receivedBytes)} of ${sizeText(sizeBytes)}`} · choose the file again to go on`}
        </span>
      </div>
      <span class="actions">
        <input
          ref={chooser}
          type="file"
          class="visually-hidden"
          tabIndex={-1}
          aria-label={`File to go on with ${path}`}
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            currentTarget.value = '';
            void take(file);
          }}
        />
        <button type="button" class="button button-small" onClick={() => chooser.current?.click()}>
          Choose file<span class="visually-hidden"> to go on with {path}</span>
        </button>
        <button
          type="button"
          class="button-icon"
          aria-label={`Discard ${path}`}
          title="Discard"
          onClick={() => void uploads.discardUnfinished(upload)}
        >
          <CloseIcon />
        </button>
      </span>
      <progress value={percentOf(receivedBytes ?? 0, sizeBytes)} max={100} aria-label={`Upload of ${path}`} />
    </li>
  );
}

/** Uploads under way, and those that a reload left behind. */
export function UploadPanel({ context: { uploads } }: { context: PageContext }) {
  const list = useStore(uploads.list);
  const unfinished = useStore(uploads.unfinished);
  if (list.length === 0 && unfinished.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="uploads-title">
      <h2 id="uploads-title">Uploads</h2>
      <ul class="uploads">
        {unfinished.map((upload) => (
          <UnfinishedRow key={upload.previous.urlStorageKey} upload={upload} uploads={uploads} />
        ))}
        {list.map((upload) => (
          <UploadRow key={upload.id} upload={upload} uploads={uploads} />
        ))}
      </ul>
    </section>
  );
}
