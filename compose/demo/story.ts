// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { stripVTControlCharacters, styleText } from 'node:util';

/** What the agent is told by whoever manages the device. */
export interface Order {
  readonly url: string;
  /** 64 hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Runs `eve-agent` on the device with its stderr, and so its progress bar, shown live; returns its stdout. */
export type RunAgent = (args: readonly string[]) => Promise<string>;

/** The parts of `eve-agent resolve --json` that the story tells. */
interface Resolved {
  readonly address: string;
  readonly bridge: string;
  readonly sourceAddress: string;
  readonly elapsedMs: number;
}

export interface Story {
  heading(text: string): void;
  say(text: string): void;
  browse(): Promise<void>;
  /** Shows a command line of an agent that goes on, and returns what shows its lines. */
  follow(shown: string): (line: string) => void;
  /** Runs the agent, and shows what it prints. @param shown the command line as it is shown */
  show(shown: string, args: readonly string[]): Promise<void>;
  /** Finds the datastore, downloads and verifies; returns the datastore's address. */
  fetch(order: Order, file: string): Promise<string>;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

const indent = (text: string) => text.trimEnd().replace(/^/gm, '    ');

/**
 * Tells what an agent does, in plain words, as it does it.
 *
 * @param write takes text for the terminal
 * @param isColoured whether the terminal shows bold and dim text
 */
export function createStory(runAgent: RunAgent, write: (text: string) => void, isColoured: boolean): Story {
  const print = (text: string) => write(isColoured ? text : stripVTControlCharacters(text));
  const bold = (text: string) => styleText('bold', text, { validateStream: false });
  const dim = (text: string) => styleText('dim', text, { validateStream: false });
  let chapter = 0;

  const say = (text: string) => print(`  ${text}\n`);
  const showCommand = (shown: string) => print(`\n  ${dim('$')} ${bold(`eve-agent ${shown}`)}\n`);
  const agent = (shown: string, args: readonly string[]) => {
    showCommand(shown);
    return runAgent(args);
  };

  async function show(shown: string, args: readonly string[]): Promise<void> {
    print(`${indent(await agent(shown, args))}\n`);
  }

  return {
    heading(text) {
      chapter += 1;
      print(`\n${bold(`${chapter}. ${text}`)}\n`);
    },
    say,
    follow(shown) {
      showCommand(shown);
      return (line) => print(`${indent(line)}\n`);
    },
    browse: () => show('browse', ['browse']),
    show,
    async fetch({ url, sha256, sizeBytes }, file) {
      const resolved = JSON.parse(await agent(`resolve ${url}`, ['resolve', url, '--json'])) as Resolved;
      const { address, bridge, sourceAddress, elapsedMs } = resolved;
      const host = new URL(url).hostname;
      say(
        `  ${host} answered on bridge ${bold(bridge)}: it is at ${bold(address)} (${elapsedMs.toFixed(1)} ms).`,
      );
      say(`  The agent will connect from ${bold(sourceAddress)}, the bridge's own address.`);

      const expected = ['--sha256', sha256, '--size', String(sizeBytes)];
      const shown = `download ${url} --sha256 ${sha256.slice(0, 8)}… --size ${sizeBytes} -o ${basename(file)}`;
      const report = await agent(shown, ['download', url, ...expected, '-o', file]);
      print(`${indent(report)}\n`);

      const rate = /(\S+ \S+) in (\S+ s), (.+\/s)/.exec(report);
      const digest = await sha256Of(file);
      if (digest !== sha256) throw new Error(`${file} has the digest ${digest} instead of ${sha256}`);
      if (rate !== null) say(`  ${rate[1]} arrived in ${rate[2]}, that is ${bold(rate[3] ?? '')}.`);
      say(`  Hashed once more, not by the agent: ${bold('the digest is the one that was asked for')}.`);
      return address;
    },
  };
}
