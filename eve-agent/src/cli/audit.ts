// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import {
  CodedError,
  ConfigurationError,
  errorMessage,
  systemErrorCode,
} from '@local-datastore/shared/errors';
import { listNumberedFiles } from '@local-datastore/shared/files/numbered-files';
import { systemClock } from '@local-datastore/shared/system-clock';
import { jsonLine, jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions, configOption, jsonOption } from '../config.ts';
import { auditFolderOf } from '../sandbox/audit/audit-folder.ts';
import { followAuditLog, type SeenLine } from '../sandbox/audit/follow-audit-log.ts';
import { type AuditProblem, type AuditVerdict, verifyAuditLog } from '../sandbox/audit/verify-audit-log.ts';
import { stateOption } from './agent-options.ts';
import type { CommandContext } from './command-context.ts';
import { EndWithExitCode } from './exit-code.ts';

interface AuditOptions {
  readonly state: string;
  readonly follow?: true;
  readonly verify?: true;
  readonly json?: true;
}

const OPTIONS: readonly OptionDescription[] = [
  { ...stateOption, description: 'the state directory of the agent' },
  {
    flags: '-f, --follow',
    description: 'go on with new lines until it is interrupted',
    environment: 'EVE_AGENT_FOLLOW',
    schema: z.boolean(),
  },
  {
    flags: '--verify',
    description: 'check the chain in place of printing it; exit code 5 where it is broken',
    environment: 'EVE_AGENT_AUDIT_VERIFY',
    schema: z.boolean(),
  },
  {
    ...jsonOption,
    description: 'print each line as it is kept, or the result of the check as one JSON document',
  },
  configOption,
];

/** One line for people: when, who, what, on which key, and what became of it. */
function auditText({ file, line }: SeenLine): string {
  if (typeof line === 'string') return `${file}: a line that is not of the log: ${printableText(line)}`;
  const { time, actor, op, path, verdict, handler } = line;
  const by = handler === null ? '' : `  by ${handler}`;
  return `${time} ${actor.padEnd(8)} ${op.padEnd(6)} ${path} ${verdict}${by}`;
}

function problemText({ file, line, reason }: AuditProblem): string {
  const place = [file, line === null ? null : `line ${line}`].filter((part) => part !== null);
  return `${place.length === 0 ? '' : `${place.join(', ')}: `}${printableText(reason)}`;
}

/** What the check found, for people. */
export function verdictText(verdict: AuditVerdict): string {
  const { problem, lines, files, firstSeq, lastSeq, lastHash, tornBytes } = verdict;
  const range = firstSeq === null ? '' : ` (${firstSeq} to ${lastSeq})`;
  if (problem !== null) {
    const before = `Whole before that: ${countText(lines, 'line')}${range}.`;
    return `The audit log is BROKEN: ${problemText(problem)}\n${before}\n`;
  }
  const head = lastHash === null ? '' : `head  ${lastSeq} ${lastHash}\n`;
  const torn =
    tornBytes === 0 ? '' : `Behind it: ${countText(tornBytes, 'byte')} of a line that is not finished.\n`;
  return `The audit log is whole: ${countText(lines, 'line')}${range} in ${countText(files, 'file')}.\n${head}${torn}`;
}

const noLog = (folder: string) =>
  new ConfigurationError(
    `there is no audit log in ${folder}: no agent that keeps one has run with this state directory`,
  );

/** The folder is the agent's own: whoever may not read it is told so. */
function whyUnreadable(folder: string, error: unknown): unknown {
  if (error instanceof CodedError || systemErrorCode(error) === undefined) return error;
  const reason = `the audit log in ${folder} cannot be read: ${errorMessage(error)}`;
  return new ConfigurationError(reason, { cause: error });
}

async function verify(folder: string, isJson: boolean, { stdout }: CommandContext): Promise<void> {
  const verdict = await verifyAuditLog(folder);
  if (verdict === null) throw noLog(folder);
  stdout.write(isJson ? jsonText(verdict) : verdictText(verdict));
  if (verdict.problem !== null) throw new EndWithExitCode(EXIT_CODES.contentMismatch);
}

async function print(
  folder: string,
  options: AuditOptions,
  { stdout, signal }: CommandContext,
): Promise<void> {
  if ((await listNumberedFiles(folder)).length === 0) throw noLog(folder);
  const follows = options.follow === true;
  for await (const seen of followAuditLog(folder, { clock: systemClock, signal, follows })) {
    const { file, line } = seen;
    const json = typeof line === 'string' ? { file, problem: line } : line;
    stdout.write(options.json === true ? jsonLine(json) : `${auditText(seen)}\n`);
  }
  signal.throwIfAborted();
}

/** `eve-agent audit`. */
export function auditCommand(context: CommandContext): Command {
  const command = new Command('audit')
    .summary('who changed which key of the agent, and what was refused')
    .description(
      'Prints the audit log of the agent: every change of a key that its processes share, and every refusal. With ' +
        '--verify it checks instead that the log is whole and as it was written.',
    );
  return addConfigurableOptions(command, OPTIONS).action(async () => {
    const options = command.opts<AuditOptions>();
    const folder = auditFolderOf(resolve(options.state));
    if (options.verify === true && options.follow === true) {
      throw new ConfigurationError('--verify and --follow are two commands: give one of them');
    }
    try {
      if (options.verify === true) await verify(folder, options.json === true, context);
      else await print(folder, options, context);
    } catch (error) {
      throw whyUnreadable(folder, error);
    }
  });
}
