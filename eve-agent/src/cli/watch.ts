import {
  type AppInstanceStatus,
  appInstanceStatusSchema,
} from '@local-datastore/shared/eve/app-instance-status';
import { appStateChangeSchema } from '@local-datastore/shared/eve/app-state-change';
import {
  type ContentTreeStatus,
  contentTreeStatusSchema,
} from '@local-datastore/shared/eve/content-tree-status';
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../config.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import { appChangeLine, appLine, isAsWanted } from './app-status.ts';
import type { CommandContext } from './command-context.ts';
import { nameOf, stateText } from './status-table.ts';

const BAR_CELLS = 24;
const MAX_NAME_CELLS = 28;
/** More is hard to follow; the rest is counted. */
const MAX_BARS = 20;
const REFRESH_MS = 200;

/** Of characters beyond the alphabets (Hangul and on) some take two cells of a terminal: all are counted so. */
const FIRST_WIDE = 0x1100;

/** The beginning of a text that surely fits: a line that wrapped could not be drawn over. */
function cutToCells(text: string, cells: number): string {
  let left = cells;
  let cut = '';
  for (const character of text) {
    left -= (character.codePointAt(0) ?? 0) < FIRST_WIDE ? 1 : 2;
    if (left < 0) break;
    cut += character;
  }
  return cut;
}

/** One content tree as one line with a bar. */
export function barLine(status: ContentTreeStatus): string {
  const filled = Math.floor((status.Progress * BAR_CELLS) / 100);
  const bar = '#'.repeat(filled).padEnd(BAR_CELLS, '-');
  const name = cutToCells(nameOf(status), MAX_NAME_CELLS).padEnd(MAX_NAME_CELLS);
  const size = `${sizeText(status.CurrentSize)} of ${sizeText(status.TotalSize)}`;
  const error = status.Error === '' ? '' : `  ${printableText(status.Error)}`;
  return `${name} [${bar}] ${String(status.Progress).padStart(3)} %  ${stateText(status).padEnd(11)} ${size}${error}`;
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
  const room = Math.max(Math.min(MAX_BARS, rows - 2), 0);
  const unsettled = apps.filter((app) => !isAsWanted(app));
  const forApps = Math.min(unsettled.length, Math.max(Math.floor(room / 2), room - open.length));
  const shown = [...active, ...waiting].slice(0, room - forApps);
  const rest = open.length - shown.length;
  const counts = [
    `${statuses.length - open.length} of ${statuses.length} verified`,
    ...(rest > 0 ? [`${rest} more wait`] : []),
    ...(apps.length > 0
      ? [`${apps.length - unsettled.length} of ${apps.length} apps are as they are wanted`]
      : []),
  ];
  return [...shown.map(barLine), ...unsettled.slice(0, forApps).map(appLine), counts.join('; ')].map((line) =>
    cutToCells(line, columns),
  );
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
          tell(barLine(status));
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
