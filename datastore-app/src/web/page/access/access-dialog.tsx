// SPDX-License-Identifier: Apache-2.0

import { Dialog } from '@local-datastore/shared/page/ui/dialog.tsx';
import { DialogFoot } from '@local-datastore/shared/page/ui/dialog-foot.tsx';
import { useId, useState } from 'preact/hooks';
import type { Prompt, PromptAnswer } from './access.ts';

const SHORTEST_TOKEN = 16;

export interface AccessDialogProps {
  readonly prompt: Prompt;
  readonly onAnswer: (answer: PromptAnswer | undefined) => void;
}

/** Asks for the write token, or for the credential that reading needs. */
export function AccessDialog({ prompt, onAnswer }: AccessDialogProps) {
  const isWrite = prompt.kind === 'write';
  const [user, setUser] = useState('eve');
  const [secret, setSecret] = useState('');
  const [isRemembered, setIsRemembered] = useState(false);
  const [failure, setFailure] = useState(prompt.failure);
  const id = useId();
  const submit = () => {
    const trimmed = secret.trim();
    if (isWrite && (trimmed.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(trimmed))) {
      setFailure(`A token has at least ${SHORTEST_TOKEN} characters, and no spaces.`);
    } else if (!isWrite && (trimmed === '' || user.trim() === '')) {
      setFailure('Both the name and the password are needed.');
    } else if (isWrite) {
      onAnswer({ kind: 'write', writeToken: trimmed, isRemembered });
    } else {
      onAnswer({ kind: 'read', credential: { user: user.trim(), password: trimmed }, isRemembered });
    }
  };
  return (
    <Dialog title={isWrite ? 'Write token' : 'Read credential'} onClose={() => onAnswer(undefined)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div class="dialog-body">
          {isWrite ? (
            <p id={`${id}-hint`}>
              Uploading and deleting need the datastore's write token. Whoever runs the datastore gets it with{' '}
              <code>datastore-app token</code>, or from the file <code>write-token</code> in its state folder.
            </p>
          ) : (
            <p id={`${id}-hint`}>
              This datastore lets only those read who have its credential: what is configured as{' '}
              <code>--read-user</code> and <code>--read-password</code>.
            </p>
          )}
          {!isWrite && (
            <label class="field">
              <span>Name</span>
              <input
                value={user}
                autocomplete="username"
                spellcheck={false}
                onInput={(event) => setUser(event.currentTarget.value)}
              />
            </label>
          )}
          <label class="field">
            <span>{isWrite ? 'Token' : 'Password'}</span>
            <input
              type="password"
              value={secret}
              autocomplete={isWrite ? 'off' : 'current-password'}
              spellcheck={false}
              autofocus
              aria-describedby={`${id}-hint`}
              aria-invalid={failure !== undefined}
              aria-errormessage={failure === undefined ? undefined : `${id}-failure`}
              onInput={(event) => setSecret(event.currentTarget.value)}
            />
          </label>
          {failure !== undefined && (
            <p class="failure" id={`${id}-failure`} role="alert">
              {failure}
            </p>
          )}
          <label class="check">
            <input
              type="checkbox"
              checked={isRemembered}
              onChange={(event) => setIsRemembered(event.currentTarget.checked)}
            />
            <span>Remember on this device (otherwise until this tab is closed)</span>
          </label>
        </div>
        <DialogFoot leave="Cancel" onLeave={() => onAnswer(undefined)}>
          <button type="submit" class="button button-main">
            {isWrite ? 'Use token' : 'Sign in'}
          </button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
