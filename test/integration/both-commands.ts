// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../eve-agent/src/cli/program.ts';
import { silentLog } from '../../shared/src/log.ts';
import { readAgentJson } from '../lab/printed-json.ts';
import type { DiagnosisDocument } from './doctor-runs.ts';

/** What doctor and download make of the same datastore. */
export interface BothRuns {
  readonly doctor: {
    readonly exitCode: number;
    readonly isUsable: boolean;
    readonly verdict: string;
    /** Of all checks. */
    readonly findings: DiagnosisDocument['checks'][number]['findings'];
  };
  readonly download: { readonly exitCode: number; readonly lastWord: string };
}

/** One command in this process. */
async function run(args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const exitCode = await runProgram(args, '0', {
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: {
      write: (text: string) => (written.stderr += text),
      isTTY: false,
    } as unknown as NodeJS.WriteStream,
    terminal: { input: process.stdin, output: process.stdout },
    signal: new AbortController().signal,
    createLog: () => silentLog,
  });
  return { ...written, exitCode };
}

/** Runs the doctor, which reads the whole file. */
export async function runDoctorOn(url: string, args: readonly string[]): Promise<BothRuns['doctor']> {
  const { stdout, stderr, exitCode } = await run(['doctor', url, '--json', '--full', ...args]);
  if (stdout === '') throw new Error(`the doctor ended with ${exitCode}: ${stderr}`);
  const { isUsable, verdict, checks } = readAgentJson(['doctor'], stdout) as DiagnosisDocument;
  return { exitCode, isUsable, verdict, findings: checks.flatMap(({ findings }) => findings) };
}

/** Downloads, with as many tries as the doctor makes. */
export async function runDownloadOf(url: string, args: readonly string[]): Promise<BothRuns['download']> {
  const folder = await mkdtemp(join(tmpdir(), 'both-commands-'));
  try {
    const target = join(folder, 'image');
    const { stdout, stderr, exitCode } = await run([
      ...['download', url, '-o', target, '--json', '--retries', '2', '--log-level', 'silent', ...args],
    ]);
    return { exitCode, lastWord: stderr.trim().split('\n').at(-1) || stdout };
  } finally {
    await rm(folder, { recursive: true });
  }
}
