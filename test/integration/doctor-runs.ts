// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from '../lab/namespace.ts';
import { eveAgent } from '../lab/programs.ts';

/** What `eve-agent doctor --json` prints. */
export interface DiagnosisDocument {
  readonly isUsable: boolean;
  readonly judgedFor: string;
  readonly verdict: string;
  readonly exitCode: number;
  readonly checks: readonly {
    readonly id: string;
    readonly verdict: string;
    readonly summary: string;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly findings: readonly {
      readonly code: string;
      readonly verdict: string;
      readonly message: string;
      readonly advice: string;
    }[];
  }[];
}

export interface DoctorRun {
  readonly document: DiagnosisDocument;
  readonly exitCode: number;
  /** `warning port-in-url`, in the order of the checks. */
  readonly findings: readonly string[];
  /** The advice of the finding with the code. */
  advice(code: string): string;
  message(code: string): string;
}

export function readDiagnosis(stdout: string, exitCode: number): DoctorRun {
  const document = JSON.parse(stdout) as DiagnosisDocument;
  const all = document.checks.flatMap(({ findings }) => findings);
  const find = (code: string) => {
    const finding = all.find((each) => each.code === code);
    if (finding === undefined) throw new Error(`no ${code} among ${all.map((each) => each.code).join(', ')}`);
    return finding;
  };
  return {
    document,
    exitCode,
    findings: all.map(({ verdict, code }) => `${verdict} ${code}`),
    advice: (code) => find(code).advice,
    message: (code) => find(code).message,
  };
}

/** Long enough for three rounds of questions, and for the answers on a machine that is busy with much else. */
export const LISTEN_SECONDS = '4';

/** Runs the doctor on the host that owns the bridges. */
export async function runDoctor(host: Namespace, ...args: readonly string[]): Promise<DoctorRun> {
  const command = eveAgent('doctor', ...args, '--json', '--timeout', LISTEN_SECONDS);
  const { stdout, stderr, exitCode } = await host.run(command);
  if (stdout === '') throw new Error(`the doctor ended with ${exitCode}: ${stderr}`);
  return readDiagnosis(stdout, exitCode);
}
