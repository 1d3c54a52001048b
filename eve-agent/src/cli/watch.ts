import {
  type ContentTreeStatus,
  contentTreeStatusSchema,
} from '@local-datastore/shared/eve/content-tree-status';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../config.ts';
import { printableText } from '../discovery/printable-text.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import type { CommandContext } from './command-context.ts';
import { jsonLine } from './json-text.ts';
import { formatBytes } from './progress.ts';
import { nameOf, stateText } from './status-table.ts';

const BAR_CELLS = 24;
const MAX_NAME_CELLS = 28;
/** A terminal's rows hold no more; the rest is counted. */
const MAX_BARS = 20;
const REFRESH_MS = 200;

/** One content tree as one line with a bar. */
export function barLine(status: ContentTreeStatus): string {
  const filled = Math.floor((status.Progress * BAR_CELLS) / 100);
  const bar = '#'.repeat(filled).padEnd(BAR_CELLS, '-');
  const name = nameOf(status).slice(0, MAX_NAME_CELLS).padEnd(MAX_NAME_CELLS);
  const size = `${formatBytes(status.CurrentSize)} of ${formatBytes(status.TotalSize)}`;
  const error = status.Error === '' ? '' : `  ${printableText(status.Error)}`;
  return `${name} [${bar}] ${String(status.Progress).padStart(3)} %  ${stateText(status).padEnd(11)} ${size}${error}`;
}

/** The bars of all trees: what is under way first, what is done counted. */
export function barLines(statuses: readonly ContentTreeStatus[], columns: number): string[] {
  const open = statuses.filter(({ State }) => State !== 'VERIFIED');
  const active = open.filter(({ State }) => State !== 'INITIAL');
  const waiting = open.filter(({ State }) => State === 'INITIAL');
  const shown = [...active, ...waiting].slice(0, MAX_BARS);
  const rest = open.length - shown.length;
  const counts = `${statuses.length - open.length} of ${statuses.length} verified`;
  return [...shown.map(barLine), rest > 0 ? `${counts}; ${rest} more wait` : counts].map((line) =>
    line.slice(0, columns),
  );
}

/** `eve-agent watch`. */
export function watchCommand({ stdout, stderr, signal }: CommandContext): Command {
  const command = new Command('watch')
    .summary('follow the content trees of the running agent')
    .description(
      'Shows a bar for every content tree that is not verified yet, until it is interrupted. Without a ' +
        'terminal, or with --json, a line for each change.',
    );
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
    const options = command.opts<ClientOptions>();
    const trees = new Map<string, ContentTreeStatus>();
    const isBars = options.json !== true && stderr.isTTY === true;
    let drawnLines = 0;
    const draw = () => {
      const lines = barLines([...trees.values()], stderr.columns ?? 80);
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
          if (!isBars && options.json !== true) stdout.write(`${barLine(status)}\n`);
        }
      }
      if (isBars) draw();
    } finally {
      clearInterval(timer);
    }
  });
}
