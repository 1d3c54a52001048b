import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BUILD = fileURLToPath(new URL('../../eve-agent/packaging/main.ts', import.meta.url));

/** This machine's, by Node's name. */
export const ARCHITECTURE = process.arch;

export interface Built {
  readonly folder: string;
  /** The executable for an architecture. */
  executable(architecture: string): string;
  remove(): Promise<void>;
}

/** Runs what `npm run build:executable` and `npm run build:package` run, into a folder of its own. */
export async function buildPackaging(what: 'executable' | 'package', architecture: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'eve-agent-dist-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const args = [BUILD, what, '--output', folder, '--compression', 'gzip', architecture];
  await promisify(execFile)(process.execPath, args).catch(async (error) => {
    await remove();
    throw error;
  });
  return { folder, executable: (name) => join(folder, `eve-agent-linux-${name}`), remove };
}
