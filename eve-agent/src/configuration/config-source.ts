// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { type ConfigReading, watchConfigFiles } from './config-files.ts';
import type { Configuration } from './configuration.ts';

/** Who gives the configuration while the service runs: files, or the API. */
export interface ConfigSource {
  /** The file or folder that gives it now; null: the API does. */
  path(): string | null;
  /** Puts in force what the files say, again with every change. Returns at once where there are none to watch. */
  follow(clock: Clock, signal: AbortSignal): Promise<void>;
}

/**
 * A file beats the API. A folder without fragments gives nothing: what was put through the API stays in force
 * and may be put anew, and so does what files said that are gone. Who wants nothing says so, by `{}`.
 *
 * @param watched a file or a folder; null: the API alone
 */
export function createConfigSource(configuration: Configuration, watched: string | null): ConfigSource {
  let path = watched;

  function take(reading: ConfigReading, from: string): void {
    path = reading.kind === 'none' ? null : from;
    if (reading.kind === 'pieces') configuration.offer(reading.pieces, from);
    else if (reading.kind === 'unreadable') configuration.refuse(reading.problems, from);
    else configuration.restore();
  }

  return {
    path: () => path,
    async follow(clock, signal) {
      if (watched === null) configuration.restore();
      else await watchConfigFiles(watched, clock, (reading) => take(reading, watched), signal);
    },
  };
}
