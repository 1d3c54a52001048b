// SPDX-License-Identifier: Apache-2.0
import type {
  AppInstanceStatus,
  AppPortMap,
  AppSwitch,
} from '@local-datastore/shared/eve/app-instance-status';
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import { padToWidth, shortenToWidth } from '@local-datastore/shared/text/display-width';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { tableText } from '@local-datastore/shared/text/text-table';

/** What to show an app as. */
export const appName = ({ DisplayName, AppID }: Pick<AppInstanceStatus, 'DisplayName' | 'AppID'>): string =>
  printableText(DisplayName || AppID);

/** Whether an app is as its configuration wants it. */
export const isAsWanted = ({ Activate, State, Error: error }: AppInstanceStatus): boolean =>
  error === '' && State === (Activate ? 'RUNNING' : 'HALTED');

function switchText(last: AppSwitch | null): string {
  if (last === null) return '-';
  const what = last.Outcome === 'kept' ? `taken back (${printableText(last.Code)})` : last.How;
  return last.GapMs === null ? what : `${what}, gap ${last.GapMs} ms`;
}

/** So many are shown in a table; the others are counted. */
const SHOWN_PORTS = 3;

function portMapText({ Protocol, HostAddress, HostPort, AppPort }: AppPortMap): string {
  const address = printableText(HostAddress.includes(':') ? `[${HostAddress}]` : HostAddress);
  return `${address === '' ? '' : `${address}:`}${HostPort}->${AppPort}/${printableText(Protocol)}`;
}

/** The ports of the device that lead into an app, as `docker ps` writes them; '-': none. */
function portMapsText(maps: readonly AppPortMap[]): string {
  const shown = maps.slice(0, SHOWN_PORTS).map(portMapText);
  const left = maps.length - shown.length;
  return [...shown, ...(left > 0 ? [`+${left}`] : [])].join(' ') || '-';
}

/** Apps as a table beside that of the content trees, each error below its row. @param columns of the terminal; absent: none */
export function appStatusTable(apps: readonly AppInstanceStatus[], columns?: number): string {
  if (apps.length === 0) return 'The configuration has no apps.\n';
  const rows = apps.map((app) => ({
    cells: [
      ...[appName(app), app.State, printableText(app.StateTime) || '-', String(app.Generation)],
      ...[String(app.RestartCount), switchText(app.LastSwitch), portMapsText(app.PortMaps)],
      printableText(app.AppID),
    ],
    notes: app.Error === '' ? [] : [printableText(app.Error)],
  }));
  const headings = ['APP', 'STATE', 'SINCE', 'VERSION', 'RESTARTS', 'LAST SWITCH', 'PORTS', 'UUID'];
  return tableText(headings, rows, { columns });
}

const NAME_CELLS = 28;
const STATE_CELLS = 15;

const nameCell = (app: Parameters<typeof appName>[0]): string =>
  padToWidth(shortenToWidth(appName(app), NAME_CELLS), NAME_CELLS);

/** One app as one line. */
export function appLine(app: AppInstanceStatus): string {
  const name = nameCell(app);
  return `${name} ${app.State.padEnd(STATE_CELLS)} ${printableText(app.Error)}`.trimEnd();
}

/** That an app is in another state, as one line: who is behind it, and why. */
export function appChangeLine(change: AppStateChange): string {
  const name = nameCell(change);
  const why = change.Why === '' ? '' : `: ${printableText(change.Why)}`;
  return `${name} ${change.State.padEnd(STATE_CELLS)} was ${change.OldState}, by the ${change.By}${why}`;
}
