// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';

const lineSchema = z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error']), msg: z.string() });

/** What a calf's own log has of no use here: priv's has its own. */
const DROPPED = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'process']);

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Puts a line that a calf wrote into the log, as what the calf says. What is no line of a log is told as it is. */
export function tellLine(log: Log, name: string, line: string): void {
  const read = lineSchema.safeParse(parse(line));
  if (!read.success) {
    log.warn({ process: name, line }, 'a process of the agent wrote');
    return;
  }
  const { level, msg } = read.data;
  const fields = Object.entries(read.data).filter(([field]) => !DROPPED.has(field));
  log[level]({ ...Object.fromEntries(fields), process: name }, msg);
}
