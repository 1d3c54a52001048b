// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { type Polled, usePolled } from '@local-datastore/shared/page/live/use-polled';
import { useStore } from '@local-datastore/shared/page/store';
import { announcement } from '@local-datastore/shared/page/ui/announce';
import { WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { AgentStatus } from './api/answers.ts';
import { type ApiDescription, type Offer, offerOf } from './api/offer.ts';
import { AppsView } from './apps/apps-view.tsx';
import type { PageContext } from './context.ts';
import { DeploymentsView } from './deployments/deployments-view.tsx';
import { OverviewView } from './overview/overview-view.tsx';
import { TreesView } from './trees/trees-view.tsx';

const VIEWS = {
  overview: 'Overview',
  apps: 'Apps',
  deployments: 'Deployments',
  trees: 'Content',
} as const;
type View = keyof typeof VIEWS;

const OFFER_RETRY_MS = 3000;

const viewsOf = ({ hasStatus, hasDeployments }: Offer): View[] => [
  'overview',
  ...(hasStatus ? (['apps'] as const) : []),
  ...(hasDeployments ? (['deployments'] as const) : []),
  ...(hasStatus ? (['trees'] as const) : []),
];

/** The view of the address, where it is offered. */
function useView(offered: readonly View[]): View {
  const [hash, setHash] = useState(location.hash);
  useLayoutEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const view = offered.find((name) => `#${name}` === hash) ?? 'overview';
  useEffect(() => {
    document.title = view === 'overview' ? 'eve-agent' : `${VIEWS[view]} – eve-agent`;
  }, [view]);
  return view;
}

/** What the agent offers here; it is asked until it has told. */
function useOffer({ client }: PageContext): { readonly offer?: Offer; readonly failure?: ApiError } {
  const [state, setState] = useState<{ readonly offer?: Offer; readonly failure?: ApiError }>({});
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        setState({ offer: offerOf(await client.read<ApiDescription>('/openapi.json')) });
      } catch (error) {
        setState({ failure: error instanceof ApiError ? error : new ApiError(String(error), 0) });
        timer = setTimeout(() => void look(), OFFER_RETRY_MS);
      }
    };
    void look();
    return () => clearTimeout(timer);
  }, [client]);
  return state;
}

const isAlwaysMoving = () => true;

function Lost({ failure }: { failure: ApiError | undefined }) {
  if (failure === undefined || failure.status !== 0) return null;
  return (
    <div class="notice notice-bad" role="alert">
      <WarningIcon />
      <p>{failure.message} Trying again… What is shown is what was known last.</p>
    </div>
  );
}

function Views({ context, offer }: { context: PageContext; offer: Offer }) {
  const { client } = context;
  const offered = viewsOf(offer);
  const view = useView(offered);
  // Where there is no status, the version alone is looked at: by it the page notices that nobody answers.
  const [load] = useState(() =>
    offer.hasStatus
      ? () => client.read<AgentStatus>('/v1/status')
      : async () => {
          await client.read('/openapi.json');
          return undefined;
        },
  );
  const status: Polled<AgentStatus | undefined> = usePolled(
    load,
    offer.hasStatus ? isAlwaysMoving : undefined,
  );
  return (
    <>
      <header class="top">
        <div class="top-inner">
          <div class="brand">
            <h1>eve-agent</h1>
            <p class="brand-host">
              <span>{location.host}</span>
            </p>
          </div>
          <nav aria-label="Views">
            {offered.map((name) => (
              <a key={name} href={`#${name}`} aria-current={view === name ? 'page' : undefined}>
                {VIEWS[name]}
              </a>
            ))}
          </nav>
        </div>
      </header>
      <main>
        <Lost failure={status.failure} />
        {view === 'overview' && <OverviewView context={context} offer={offer} status={status} />}
        {view === 'apps' && <AppsView context={context} status={status} />}
        {view === 'deployments' && <DeploymentsView context={context} />}
        {view === 'trees' && <TreesView context={context} status={status} />}
      </main>
      <Footer offer={offer} />
    </>
  );
}

function Footer({ offer: { version, hasStatus } }: { offer: Offer }) {
  return (
    <footer>
      <p>eve-agent {version}</p>
      <ul aria-label="For programs">
        <li>
          <a href="/openapi.json">API</a>
        </li>
        {hasStatus && (
          <li>
            <a href="/metrics">Metrics</a>
          </li>
        )}
        <li>
          <a href="/manual/">Manual</a>
        </li>
      </ul>
    </footer>
  );
}

export function App({ context }: { context: PageContext }) {
  const { offer, failure } = useOffer(context);
  const said = useStore(announcement);
  return (
    <>
      {offer !== undefined ? (
        <Views context={context} offer={offer} />
      ) : (
        <>
          <header class="top">
            <div class="top-inner">
              <div class="brand">
                <h1>eve-agent</h1>
                <p class="brand-host">{location.host}</p>
              </div>
            </div>
          </header>
          <main>
            {failure !== undefined && (
              <div class="notice notice-bad" role="alert">
                <WarningIcon />
                <p>{failure.message} Trying again…</p>
              </div>
            )}
          </main>
        </>
      )}
      <p class="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  );
}
