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

const FORM = {
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
};

/**
 * Structured log lines, one JSON object each, on stderr (stdout belongs to results).
 *
 * @param destination where lines go instead of stderr; for tests
 */
export function createLog(name: string, level: LogLevel, destination?: DestinationStream): Log {
  const redact = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]);
  return pino({ name, level, ...FORM, redact }, destination ?? pino.destination({ dest: 2, sync: true }));
}

export interface BufferedLog {
  /** For fields that hold no secrets: it does not look for any. */
  readonly log: Log;
  /** Writes what is still held. Idempotent. */
  stop(): void;
}

/** A system call a line would cost more than the line; a second later nobody minds. */
const BUFFER_BYTES = 4096;
const FLUSH_INTERVAL_MS = 1000;

/** {@link createLog} for very many lines: they are written together, at the latest after a second. */
export function createBufferedLog(name: string, level: LogLevel): BufferedLog {
  // Written synchronously all the same: whole lines never mix with those of another log on stderr.
  const destination = pino.destination({ dest: 2, sync: true, minLength: BUFFER_BYTES });
  const timer = setInterval(() => destination.flushSync(), FLUSH_INTERVAL_MS).unref();
  return {
    log: pino({ name, level, ...FORM }, destination),
    stop() {
      clearInterval(timer);
      destination.flushSync();
    },
  };
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
