// SPDX-License-Identifier: Apache-2.0
import {
  type AppInstanceStatus,
  appInstanceStatusSchema,
} from '@local-datastore/shared/eve/app-instance-status';
import { appStateChangeSchema } from '@local-datastore/shared/eve/app-state-change';
import {
  type ContentTreeStatus,
  contentTreeStatusSchema,
} from '@local-datastore/shared/eve/content-tree-status';
import { padToWidth, shortenToWidth } from '@local-datastore/shared/text/display-width';
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { wrapWords } from '@local-datastore/shared/text/wrap-words';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../config.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import { appChangeLine, appLine, isAsWanted } from './app-status.ts';
import type { CommandContext } from './command-context.ts';
import { nameOf, stateText } from './status-table.ts';

const MAX_BAR_CELLS = 24;
const MAX_NAME_CELLS = 28;
const MIN_NAME_CELLS = 12;
/** `100 %  DOWNLOADING` and the spaces around them. */
const STATE_CELLS = 20;
/** `1023.9 MiB of 1023.9 MiB` and the space before it. */
const SIZE_CELLS = 25;
/** Beyond it nothing more is shown. */
const WIDE_COLUMNS = 120;
const REASON_INDENT = '    ';
const MAX_REASON_LINES = 2;
const MORE = ' …';
/** More is hard to follow; the rest is counted. */
const MAX_LINES = 20;
const REFRESH_MS = 200;

/** One content tree as one line, with as much of bar and sizes as there is room for. */
export function barLine(status: ContentTreeStatus, columns: number): string {
  const room = Math.min(columns, WIDE_COLUMNS) - STATE_CELLS;
  const size = `${sizeText(status.CurrentSize)} of ${sizeText(status.TotalSize)}`;
  const isSizeShown = room - SIZE_CELLS >= MIN_NAME_CELLS;
  const forNameAndBar = isSizeShown ? room - SIZE_CELLS : room;
  const nameCells = Math.max(0, Math.min(MAX_NAME_CELLS, Math.max(MIN_NAME_CELLS, forNameAndBar - 13)));
  // Brackets and a space.
  const barCells = Math.min(MAX_BAR_CELLS, forNameAndBar - nameCells - 3);
  const filled = Math.floor((status.Progress * barCells) / 100);
  const name = padToWidth(shortenToWidth(nameOf(status), nameCells), nameCells);
  const bar = barCells < 4 ? '' : ` [${'#'.repeat(filled).padEnd(barCells, '-')}]`;
  const progress = `${String(status.Progress).padStart(3)} %  ${stateText(status).padEnd(11)}`;
  return `${name}${bar} ${progress}${isSizeShown ? ` ${size}` : ''}`.trimEnd();
}

/** One content tree as one line of a log, why it waits at its end. */
function treeLine(status: ContentTreeStatus): string {
  const error = status.Error === '' ? '' : `  ${printableText(status.Error)}`;
  return `${barLine(status, WIDE_COLUMNS)}${error}`;
}

/** Why a content tree waits, in lines of its own that are not too many. */
function reasonLines({ Error: error }: ContentTreeStatus, columns: number): string[] {
  const lines = wrapWords(printableText(error), columns - REASON_INDENT.length - MORE.length);
  const shown = lines.slice(0, MAX_REASON_LINES);
  const isCut = lines.length > shown.length;
  return shown.map((line, i) => `${REASON_INDENT}${line}${isCut && i === shown.length - 1 ? MORE : ''}`);
}

/** So many of the blocks of lines, from the first, as have room. */
function takeBlocks(blocks: readonly (readonly string[])[], room: number): (readonly string[])[] {
  let left = room;
  const end = blocks.findIndex((block) => {
    left -= block.length;
    return left < 0;
  });
  return end === -1 ? [...blocks] : blocks.slice(0, end);
}

/** A terminal that knows its size. A serial line says 0 rows and columns. */
export function sizeOf({ columns, rows }: { columns?: number; rows?: number }) {
  return { columns: columns || 80, rows: rows || 24 };
}

/**
 * The bars of all trees and the apps that are not as they are wanted: what is under way first, what is done counted.
 * They fit on a terminal with the line below them, where the cursor stands: what has left it above cannot be drawn
 * over.
 */
export function barLines(
  statuses: readonly ContentTreeStatus[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
  apps: readonly AppInstanceStatus[] = [],
): string[] {
  const open = statuses.filter(({ State }) => State !== 'VERIFIED');
  const active = open.filter(({ State }) => State !== 'INITIAL');
  const waiting = open.filter(({ State }) => State === 'INITIAL');
  const room = Math.max(Math.min(MAX_LINES, rows - 2), 0);
  const unsettled = apps.filter((app) => !isAsWanted(app));
  const blocks = [...active, ...waiting]
    .slice(0, room)
    .map((status) => [barLine(status, columns), ...reasonLines(status, columns)]);
  const forApps = Math.min(unsettled.length, Math.max(Math.floor(room / 2), room - blocks.flat().length));
  const shown = takeBlocks(blocks, room - forApps);
  const rest = open.length - shown.length;
  const counts = [
    `${statuses.length - open.length} of ${statuses.length} verified`,
    ...(rest > 0 ? [`${rest} more wait`] : []),
    ...(apps.length > 0
      ? [`${apps.length - unsettled.length} of ${apps.length} apps are as they are wanted`]
      : []),
  ];
  const appLines = unsettled.slice(0, forApps).map(appLine);
  return [...shown.flat(), ...appLines, counts.join('; ')].map((line) => shortenToWidth(line, columns));
}

/** `eve-agent watch`. */
export function watchCommand({ stdout, stderr, signal }: CommandContext): Command {
  const command = new Command('watch')
    .summary('follow the content trees and the apps of the running agent')
    .description(
      'Shows a bar for every content tree that is not verified yet, and every app that is not as it is wanted, ' +
        'until it is interrupted. Without a terminal, or with --json, a line for each change.',
    );
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
    const options = command.opts<ClientOptions>();
    const trees = new Map<string, ContentTreeStatus>();
    const apps = new Map<string, AppInstanceStatus>();
    const tell = (line: string) => {
      if (!isBars && options.json !== true) stdout.write(`${line}\n`);
    };
    const isBars = options.json !== true && stderr.isTTY === true;
    let drawnLines = 0;
    const draw = () => {
      const lines = barLines([...trees.values()], sizeOf(stderr), [...apps.values()]);
      // Up to the first line drawn before, and clear from there on (ECMA-48 CUU, ED).
      stderr.write(`${drawnLines > 0 ? `\u001b[${drawnLines}A` : ''}\u001b[J${lines.join('\n')}\n`);
      drawnLines = lines.length;
    };
    const timer = isBars ? setInterval(draw, REFRESH_MS) : undefined;
    try {
      for await (const { event, data } of connectAgent(options).follow('/v1/events', signal)) {
        if (options.json === true) stdout.write(jsonLine({ event, data }));
        if (event === 'content-tree-removed') {
          trees.delete(z.object({ ContentID: z.string() }).parse(data).ContentID);
        } else if (event === 'content-tree') {
          const status = contentTreeStatusSchema.parse(data);
          trees.set(status.ContentID, status);
          tell(treeLine(status));
        } else if (event === 'app-removed') {
          apps.delete(z.object({ AppID: z.string() }).parse(data).AppID);
        } else if (event === 'app') {
          const app = appInstanceStatusSchema.parse(data);
          const known = apps.get(app.AppID);
          apps.set(app.AppID, app);
          // Another state has an event of its own.
          if (known === undefined || (app.Error !== '' && app.Error !== known.Error)) tell(appLine(app));
        } else if (event === 'app-state') {
          tell(appChangeLine(appStateChangeSchema.parse(data)));
        }
      }
      if (isBars) draw();
    } finally {
      clearInterval(timer);
    }
  });
}
