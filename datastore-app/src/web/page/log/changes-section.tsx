// SPDX-License-Identifier: Apache-2.0
import { usePolled } from '@local-datastore/shared/page/live/use-polled';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Age, PlainTable } from '@local-datastore/shared/page/ui/card.tsx';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { countText } from '@local-datastore/shared/text/quantities';
import { useCallback, useState } from 'preact/hooks';
import { CHANGE_ACTIONS } from '../../../changes/change-words.ts';
import type { PageContext } from '../context.ts';
import { type Change, loadChanges } from './load-changes.ts';

const PAGE = 50;
/** The API gives no more at once; who wants more asks it, or the command line. */
const MAX = 1000;
const BADGES: Readonly<Record<string, string>> = {
  deleted: 'badge-bad',
  refused: 'badge-bad',
  lost: 'badge-bad',
  created: 'badge-good',
  pushed: 'badge-good',
  imported: 'badge-good',
};

function Row({ change }: { change: Change }) {
  const { time, action, image, to, source, by, client, via, status, count } = change;
  return (
    <tr>
      <th scope="row" class="path">
        <bdi>{image === null ? '–' : shownName(image)}</bdi>
        {to !== null && (
          <span>
            {' → '}
            <bdi>{shownName(to)}</bdi>
          </span>
        )}
        {source !== null && (
          <span class="second">
            {' from '}
            <bdi>{shownName(source)}</bdi>
          </span>
        )}
      </th>
      <td>
        <span class={`badge ${BADGES[action] ?? 'badge-off'}`}>{action}</span>
        {status !== null && ` ${status}`}
        {count > 1 && ` ${countText(count, 'time')}`}
      </td>
      <td>{shownName(by)}</td>
      <td title={`by ${via}`}>{client ?? 'this machine'}</td>
      <td title={new Date(time).toLocaleString('en-GB')}>
        <Age at={time} />
      </td>
    </tr>
  );
}

/** Who changed what, when and from where. */
export function ChangesSection({ context }: { context: PageContext }) {
  const [limit, setLimit] = useState(PAGE);
  const [image, setImage] = useState('');
  const [action, setAction] = useState('');
  const load = useCallback(
    () => loadChanges(context, { limit, image, action }),
    [context, limit, image, action],
  );
  const { value, failure } = usePolled(load);
  const isMore = value !== undefined && value.next !== null;
  return (
    <section aria-labelledby="changes-title">
      <div class="toolbar">
        <h2 id="changes-title">Changes</h2>
        <p class="count">
          {value !== undefined &&
            `${countText(value.changes.length, 'change')}${isMore ? ', and older ones' : ''}`}
        </p>
        <select
          class="select"
          aria-label="Kind of change"
          value={action}
          onChange={({ currentTarget }) => setAction(currentTarget.value)}
        >
          <option value="">All kinds</option>
          {CHANGE_ACTIONS.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
        <input
          type="search"
          class="search"
          placeholder="Name of an image"
          aria-label="Name of an image"
          value={image}
          onInput={({ currentTarget }) => setImage(currentTarget.value)}
        />
      </div>
      <Failure text={failure?.message} />
      <div class="card changes">
        {value?.changes.length === 0 ? (
          <p class="second">No change of these.</p>
        ) : (
          <PlainTable
            label="Table of changes"
            caption="Who changed what, the latest first"
            columns={['Image', 'What', 'Who', 'From', 'When']}
          >
            {value?.changes.map((change) => (
              <Row key={change.id} change={change} />
            ))}
          </PlainTable>
        )}
        {isMore && limit < MAX && (
          <p class="buttons">
            <button type="button" class="button" onClick={() => setLimit(Math.min(MAX, limit + 2 * PAGE))}>
              Show older ones
            </button>
          </p>
        )}
      </div>
    </section>
  );
}
