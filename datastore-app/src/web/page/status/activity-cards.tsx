// SPDX-License-Identifier: Apache-2.0
import { percentOf } from '@local-datastore/shared/page/text/quantities';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Age, Card, PlainTable } from '@local-datastore/shared/page/ui/card.tsx';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { Fragment } from 'preact';
import type { Advertising, Download, Query } from '../api/answers.ts';
import { groupByAsker } from './askers.ts';

const STATES: Readonly<Record<string, { readonly word: string; readonly kind: string }>> = {
  ready: { word: 'ready', kind: 'good' },
  announcing: { word: 'announcing', kind: 'off' },
  checking: { word: 'checking', kind: 'off' },
  conflict: { word: 'name conflict', kind: 'bad' },
  unanswered: { word: 'own answer not seen', kind: 'bad' },
};

/** `_http._tcp.local` → `http`. */
const serviceWord = (name: string) => /^_([^.]+)\._tcp/.exec(name)?.[1] ?? name;

export function AdvertisingCard({ advertising }: { advertising: Advertising | null }) {
  if (advertising === null) {
    return (
      <Card title="Advertising">
        <p class="second">Multicast DNS is off: devices find this datastore only by its address.</p>
      </Card>
    );
  }
  return (
    <Card title="Advertising" isWide>
      {advertising.interfaces.length === 0 ? (
        <p class="second">No interface has an address yet.</p>
      ) : (
        <PlainTable
          label="Interfaces"
          caption="Where the host name is advertised"
          columns={['Interface', 'Addresses', 'Services', 'State']}
        >
          {advertising.interfaces.map(({ name, address, addresses = [address], services, state }) => (
            <tr key={`${name} ${address}`}>
              <th scope="row">{name}</th>
              <td>{addresses.join(', ')}</td>
              <td title={services.join('\n')}>{services.map(serviceWord).join(', ')}</td>
              <td>
                <span class={`badge badge-${STATES[state]?.kind ?? 'off'}`}>
                  {STATES[state]?.word ?? state}
                </span>
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}

export function DownloadsCard({ downloads }: { downloads: readonly Download[] }) {
  return (
    <Card title="Recent downloads" isWide>
      {downloads.length === 0 ? (
        <p class="second">Nobody has downloaded anything yet.</p>
      ) : (
        <PlainTable
          label="Downloads"
          caption="Recent downloads"
          columns={['Image', 'Client', 'Progress', 'Began']}
        >
          {downloads.map(({ id, path, client, startedAt, sentBytes, totalBytes, state }) => (
            <tr key={id}>
              <th scope="row" class="path">
                <bdi>{shownName(path)}</bdi>
              </th>
              <td>{client}</td>
              <td>
                {state === 'running' && (
                  <span class="hashing">
                    <progress
                      value={percentOf(sentBytes, totalBytes)}
                      max={100}
                      aria-label={`Download of ${path} by ${client}`}
                    />
                    <span>
                      {sizeText(sentBytes)} of {sizeText(totalBytes)}
                    </span>
                  </span>
                )}
                {state === 'done' && <span class="badge badge-good">{sizeText(sentBytes)}</span>}
                {state === 'probe' && <>a doctor's probe</>}
                {state === 'broken' && (
                  <span class="badge badge-bad">
                    broken off at {sizeText(sentBytes)} of {sizeText(totalBytes)}
                  </span>
                )}
              </td>
              <td>
                <Age at={startedAt} />
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}

export function QueriesCard({ queries }: { queries: readonly Query[] }) {
  return (
    <Card title="Who asked by multicast DNS" isWide>
      {queries.length === 0 ? (
        <p class="second">Nobody has asked for this datastore yet.</p>
      ) : (
        <PlainTable
          label="Queries"
          caption="Who asked by multicast DNS, and what; who asked last comes first"
          columns={['Question', { title: 'Times', isNumber: true }, 'Last']}
        >
          {groupByAsker(queries).map(({ source, interface: link, queries: asked }) => (
            <Fragment key={`${link} ${source}`}>
              <tr>
                <th scope="rowgroup" colSpan={3} class="group">
                  {source} on {link}
                </th>
              </tr>
              {asked.map(({ at, count, question }) => (
                <tr key={question}>
                  <th scope="row" class="path">
                    {question}
                  </th>
                  <td class="number">{count}</td>
                  <td>
                    <Age at={at} />
                  </td>
                </tr>
              ))}
            </Fragment>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}
