// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { useState } from 'preact/hooks';
import type { Deployment } from '../api/answers.ts';
import { ActionDialog } from '../ui/action-dialog.tsx';
import type { Operations } from './operations.ts';

/** What is asked or shown about a deployment, one at a time. */
export interface OpenDialog {
  readonly dialog: 'logs' | 'history' | 'details' | 'load' | 'pull' | 'rollback' | 'prune' | 'delete';
  readonly deployment: Deployment;
  /** Of `load`. */
  readonly file?: File | undefined;
}

interface Asked {
  readonly open: OpenDialog;
  readonly operations: Operations;
  readonly onClose: () => void;
}

function PullDialog({ open: { deployment }, operations, onClose }: Asked) {
  const [image, setImage] = useState('');
  return (
    <ActionDialog
      title={`Pull for ${shownName(deployment.name)}`}
      verb="Pull"
      isHarmless
      act={async () => operations.begin(deployment.name, 'pull', { image })}
      onClose={onClose}
    >
      <p>The image is pulled from a registry, and replaces what runs once it proves itself.</p>
      <label class="field">
        <span>Image, such as docker://ds.local/web:1 (empty: what the configuration names)</span>
        <input
          value={image}
          autocomplete="off"
          onInput={({ currentTarget }) => setImage(currentTarget.value)}
        />
      </label>
    </ActionDialog>
  );
}

/** What is asked before an operation begins. */
const QUESTIONS = {
  rollback: {
    title: 'Roll back?',
    verb: 'Roll back',
    text: 'The version before replaces what runs; what runs now is kept.',
    isHarmless: true,
  },
  prune: {
    title: 'Remove old versions?',
    verb: 'Prune',
    text: 'Versions that do not serve are removed, and images that none needs: afterwards there is nothing to roll back to.',
    isHarmless: false,
  },
  delete: {
    title: 'Delete this deployment?',
    verb: 'Delete',
    text: 'What runs is stopped, and all its versions are removed. The configuration stays, and it can be loaded again.',
    isHarmless: false,
  },
} as const;

/** Asks before something is done to a deployment; nothing for those dialogs that only show. */
export function DeploymentDialog({ open, operations, onClose }: Asked) {
  const { dialog, deployment, file } = open;
  const { name } = deployment;
  if (dialog === 'pull') return <PullDialog open={open} operations={operations} onClose={onClose} />;
  if (dialog === 'load' && file !== undefined) {
    return (
      <ActionDialog
        title="Load this image?"
        verb="Load"
        isHarmless
        act={async () => operations.begin(name, 'load', { file })}
        onClose={onClose}
      >
        <p>
          <bdi class="path">{shownName(file.name)}</bdi> ({sizeText(file.size)}) is sent to{' '}
          <bdi class="path">{shownName(name)}</bdi>, and replaces what runs once it proves itself.
        </p>
      </ActionDialog>
    );
  }
  if (dialog !== 'rollback' && dialog !== 'prune' && dialog !== 'delete') return null;
  const { title, verb, text, isHarmless } = QUESTIONS[dialog];
  return (
    <ActionDialog
      title={title}
      verb={verb}
      isHarmless={isHarmless}
      act={async () => operations.begin(name, dialog)}
      onClose={onClose}
    >
      <p>
        <bdi class="path">{shownName(name)}</bdi>: {text}
      </p>
    </ActionDialog>
  );
}
