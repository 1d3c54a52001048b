import type { Log, LogLevel } from '@local-datastore/shared/log';

/** What a command has of the process that it runs in. */
export interface CommandContext {
  /** Results. */
  readonly stdout: { write(text: string): unknown };
  /** Logs, progress and errors. */
  readonly stderr: NodeJS.WriteStream;
  /** Aborted, with a StoppedBySignal, when the process is told to end. */
  readonly signal: AbortSignal;
  createLog(level: LogLevel): Log;
}
