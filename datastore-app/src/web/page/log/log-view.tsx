// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Failure } from '@local-datastore/shared/page/ui/failure.tsx';
import { countText } from '@local-datastore/shared/text/quantities';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageContext } from '../context.ts';
import { Tabs } from '../ui/tabs.tsx';
import { ChangesSection } from './changes-section.tsx';
import { fieldsText, findLines, LEVELS, type Level, type LogLine } from './log-list.ts';
import { type FollowedLog, useLog } from './use-log.ts';

const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  debug: 'Everything',
  info: 'Info and above',
  warn: 'Warnings and errors',
  error: 'Errors',
};
const BADGES: Readonly<Record<string, string>> = { warn: 'badge-bad', error: 'badge-bad' };

function Line({ line: { time, level, message, fields } }: { line: LogLine }) {
  const more = fieldsText(fields);
  return (
    <li class="log-line">
      <time dateTime={time} title={time}>
        {new Date(time).toLocaleTimeString('en-GB')}
      </time>
      <span class={`badge ${BADGES[level] ?? 'badge-off'}`}>{level}</span>
      <span class="log-text">
        <bdi>{shownName(message)}</bdi> {more !== '' && <bdi class="second">{shownName(more)}</bdi>}
      </span>
    </li>
  );
}

/** The last lines of the datastore's log, for who cannot reach its terminal. */
function LogSection({ lines, failure }: Pick<FollowedLog, 'lines' | 'failure'>) {
  const [level, setLevel] = useState<Level>('debug');
  const [search, setSearch] = useState('');
  /** What is looked at while it does not move; undefined: what comes is followed. */
  const [held, setHeld] = useState<readonly LogLine[]>();
  const box = useRef<HTMLElement>(null);
  const isFollowing = held === undefined;
  const shown = findLines(held ?? lines, level, search);
  useLayoutEffect(() => {
    if (isFollowing) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [isFollowing, shown.at(-1)?.id, shown.length]);
  return (
    <section aria-labelledby="log-title">
      <div class="toolbar">
        <h2 id="log-title">Log</h2>
        <p class="count">{countText(shown.length, 'line')}</p>
        <label class="check log-follow">
          <input
            type="checkbox"
            checked={isFollowing}
            onChange={({ currentTarget }) => setHeld(currentTarget.checked ? undefined : lines)}
          />
          <span>Follow</span>
        </label>
        <select
          class="select"
          aria-label="Level"
          value={level}
          onChange={({ currentTarget }) => setLevel(currentTarget.value as Level)}
        >
          {LEVELS.map((each) => (
            <option key={each} value={each}>
              {LEVEL_WORDS[each]}
            </option>
          ))}
        </select>
        <input
          type="search"
          class="search"
          placeholder="Search the log"
          aria-label="Search the log"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      </div>
      <Failure text={failure} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section ref={box} class="card log" tabIndex={0} aria-label="Lines of the log">
        {shown.length === 0 ? (
          <p class="second">No line of these.</p>
        ) : (
          <ol>
            {shown.map((line) => (
              <Line key={line.id} line={line} />
            ))}
          </ol>
        )}
      </section>
    </section>
  );
}

/** What happens here, and who does it. */
export function LogView({ context }: { context: PageContext }) {
  const { access } = context;
  const { lines, failure, isClosed } = useLog(access);
  if (isClosed) {
    return (
      <div class="notice notice-info">
        <p>The log tells who does what here: it is for those who have the write token.</p>
        <button type="button" class="button" onClick={() => void access.needWriteToken()}>
          Enter it
        </button>
      </div>
    );
  }
  return (
    <div class="log-tabs">
      <Tabs
        label="What happened"
        tabs={[
          { label: 'Log', content: <LogSection lines={lines} failure={failure} /> },
          { label: 'Changes', content: <ChangesSection context={context} /> },
        ]}
      />
    </div>
  );
}
