import { type DestinationStream, pino } from 'pino';

/** The part of pino's logger that the programs use: fields first, then a sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Field names whose values never reach a log line, at the top level or one below. */
const SECRET_FIELDS = ['authorization', 'password', 'apiKey', 'token'];

/**
 * Structured log lines, one JSON object each, on stderr (stdout belongs to results).
 *
 * @param destination where lines go instead of stderr; for tests
 */
export function createLog(name: string, level: LogLevel, destination?: DestinationStream): Log {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
