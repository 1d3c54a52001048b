// SPDX-License-Identifier: Apache-2.0
import { useStore } from '@local-datastore/shared/page/store';
import { announcement } from '@local-datastore/shared/page/ui/announce';
import { KeyIcon, WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { AccessDialog } from './access/access-dialog.tsx';
import { ContainersView } from './containers/containers-view.tsx';
import type { PageContext } from './context.ts';
import { ImagesView } from './images/images-view.tsx';
import type { Live } from './live/poll.ts';
import { LogView } from './log/log-view.tsx';
import { StatusView } from './status/status-view.tsx';

const VIEWS = { images: 'Images', containers: 'Containers', status: 'Status', log: 'Log' } as const;
type View = keyof typeof VIEWS;

/** `#containers/lab/app` → `containers`. */
function viewOfAddress(): View {
  const [name = ''] = location.hash.slice(1).split('/', 1);
  return Object.hasOwn(VIEWS, name) ? (name as View) : 'images';
}

function useView(): View {
  const [view, setView] = useState(viewOfAddress);
  useLayoutEffect(() => {
    const follow = () => setView(viewOfAddress());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  useEffect(() => {
    document.title = view === 'images' ? 'Local datastore' : `${VIEWS[view]} – Local datastore`;
  }, [view]);
  return view;
}

/** Whether devices find the datastore, in a word. */
function readiness({
  connection,
  status,
}: Live): { readonly word: string; readonly kind: string } | undefined {
  if (connection === 'lost') return { word: 'not reachable', kind: 'bad' };
  if (status === undefined || connection === 'locked') return undefined;
  if (status.advertising === null) return { word: 'not advertised', kind: 'off' };
  return status.advertising.isReady ? { word: 'ready', kind: 'good' } : { word: 'not ready', kind: 'bad' };
}

function Header({ live, view, context }: { live: Live; view: View; context: PageContext }) {
  const { access } = context;
  const hasWriteToken = useStore(access.hasWriteToken);
  const hasReadCredential = useStore(access.hasReadCredential);
  const ready = readiness(live);
  const signOut = () => {
    access.forgetAll();
    context.poll.startAgain();
  };
  return (
    <header class="top">
      <div class="top-inner">
        <div class="brand">
          <h1>Local datastore</h1>
          <p class="brand-host">
            <span>{live.status?.hostName ?? location.hostname}</span>
            {ready !== undefined && <span class={`badge badge-${ready.kind}`}>{ready.word}</span>}
          </p>
        </div>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, label]) => (
            <a key={name} href={`#${name}`} aria-current={view === name ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <button
          type="button"
          class="button button-quiet token-button"
          onClick={() => (hasWriteToken ? access.forgetWriteToken() : void access.needWriteToken())}
        >
          <KeyIcon />
          <span>{hasWriteToken ? 'Forget write token' : 'Write token…'}</span>
        </button>
        {hasReadCredential && (
          <button type="button" class="button button-quiet" onClick={signOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function Sentences({ of: sentences, children }: { of: readonly string[]; children: ComponentChildren }) {
  return (
    <div class="notice notice-warning" role="status">
      <WarningIcon />
      <div>
        <p>{children}</p>
        <ul>
          {sentences.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function Trouble({ live, unlock }: { live: Live; unlock: () => void }) {
  const { connection, trouble, status } = live;
  if (connection === 'locked') {
    return (
      <div class="notice notice-info" role="status">
        <p>Reading needs a credential here.</p>
        <button type="button" class="button" onClick={unlock}>
          Enter it
        </button>
      </div>
    );
  }
  if (connection === 'lost') {
    return (
      <div class="notice notice-bad" role="alert">
        <WarningIcon />
        <p>{trouble} Trying again…</p>
      </div>
    );
  }
  const reasons = status?.reasons ?? status?.advertising?.reasons ?? [];
  const warnings = status?.warnings ?? [];
  return (
    <>
      {reasons.length > 0 && (
        <Sentences of={reasons}>
          <strong>Not ready:</strong> devices may not find the datastore.
        </Sentences>
      )}
      {warnings.length > 0 && (
        <Sentences of={warnings}>
          <strong>Warning:</strong> somebody should look at this.
        </Sentences>
      )}
    </>
  );
}

export function App({ context }: { context: PageContext }) {
  const live = useStore(context.poll.live);
  const prompt = useStore(context.access.prompt);
  const said = useStore(announcement);
  const view = useView();
  return (
    <>
      <Header live={live} view={view} context={context} />
      <main>
        <Trouble live={live} unlock={context.poll.unlock} />
        {view === 'images' && <ImagesView live={live} context={context} />}
        {view === 'containers' && <ContainersView live={live} context={context} />}
        {view === 'status' && <StatusView status={live.status} />}
        {view === 'log' && <LogView context={context} />}
      </main>
      {live.status !== undefined && (
        <footer>
          <p>local-datastore {live.status.version}</p>
          <ul aria-label="For programs">
            <li>
              <a href="/-/openapi.json">API</a>
            </li>
            <li>
              <a href="/-/metrics">Metrics</a>
            </li>
            <li>
              <a href="/-/manual/">Manual</a>
            </li>
          </ul>
        </footer>
      )}
      <p class="visually-hidden" aria-live="polite">
        {said}
      </p>
      {prompt !== undefined && (
        <AccessDialog key={prompt.kind} prompt={prompt} onAnswer={context.access.answer} />
      )}
    </>
  );
}
