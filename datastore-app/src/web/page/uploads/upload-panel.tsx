// SPDX-License-Identifier: Apache-2.0
import { useStore } from '@local-datastore/shared/page/store';
import { percentOf } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { CheckIcon, CloseIcon, PauseIcon, PlayIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useRef, useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import type { UnfinishedUpload } from './unfinished.ts';
import { progressText, totalOf } from './upload-total.ts';
import { mayPause, type Upload, type Uploads } from './uploads.ts';

/** What a row says about its upload. */
function stateText(upload: Upload): string {
  const { state, sentBytes, sizeBytes, message } = upload;
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
    case 'running':
      return progressText(upload);
  }
}

function UploadRow({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { id, path, state, sentBytes, sizeBytes } = upload;
  const isOver = state === 'done';
  const mayResume = state === 'paused' || state === 'failed';
  return (
    <li class={`upload upload-${state}`}>
      <div class="upload-text">
        <bdi class="path">{shownName(path)}</bdi>
        <span class={state === 'failed' || state === 'exists' ? 'failure' : 'second'}>
          {stateText(upload)}
        </span>
      </div>
      <span class="actions">
        {isOver && <CheckIcon />}
        {state === 'exists' && (
          <button type="button" class="button button-small" onClick={() => void uploads.replace(id)}>
            Replace
          </button>
        )}
        {mayPause(upload) && (
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

/** All that was left unfinished, by one choice of files. */
function ChooseAgain({
  uploads,
  onMissing,
}: {
  uploads: Uploads;
  onMissing: (missing: readonly UnfinishedUpload[]) => void;
}) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={chooser}
        type="file"
        multiple
        class="visually-hidden"
        tabIndex={-1}
        aria-label="Files to go on with"
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = '';
          if (files.length > 0) void uploads.resumeAllUnfinished(files).then(onMissing);
        }}
      />
      <button type="button" class="button button-small" onClick={() => chooser.current?.click()}>
        Choose files again
      </button>
    </>
  );
}

/** All uploads together: how far they are, and that they stop or go on. */
function UploadsHead({ uploads }: { uploads: Uploads }) {
  const list = useStore(uploads.list);
  const unfinished = useStore(uploads.unfinished);
  const [missing, setMissing] = useState<readonly UnfinishedUpload[]>([]);
  const total = totalOf(list);
  const isPausable = list.some(mayPause);
  const isPaused = list.some(({ state }) => state === 'paused');
  const isOne = list.length < 2;
  const stillMissing = missing.filter((upload) => unfinished.includes(upload));
  return (
    <>
      <div class="uploads-head">
        <h2 id="uploads-title">Uploads</h2>
        {!isOne && total !== undefined && <p class="second">{progressText(total)}</p>}
        <span class="actions">
          {unfinished.length > 1 && <ChooseAgain uploads={uploads} onMissing={setMissing} />}
          {!isOne && isPausable && (
            <button type="button" class="button button-small" onClick={uploads.pauseAll}>
              Pause all
            </button>
          )}
          {!isOne && isPaused && (
            <button type="button" class="button button-small" onClick={() => void uploads.resumeAll()}>
              Go on with all
            </button>
          )}
        </span>
      </div>
      {!isOne && total !== undefined && (
        <progress
          value={percentOf(total.sentBytes, total.sizeBytes)}
          max={100}
          aria-label="All uploads together"
        />
      )}
      {stillMissing.length > 0 && (
        <p class="failure" role="alert">
          None of these files is what {stillMissing.map(({ path }) => shownName(path)).join(', ')} was begun
          with: name, size or time differ.
        </p>
      )}
    </>
  );
}

/** Uploads under way, and those that a reload left behind. */
export function UploadPanel({ context: { uploads } }: { context: PageContext }) {
  const list = useStore(uploads.list);
  const unfinished = useStore(uploads.unfinished);
  if (list.length === 0 && unfinished.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="uploads-title">
      <UploadsHead uploads={uploads} />
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
