// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';

/** A place in one of Avahi's files. */
export interface AvahiPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Something in Avahi's files that is not done as it says, or needs a person's attention. */
export interface AvahiFinding extends AvahiPlace {
  /** warning: asked for and not done; info: without effect here, and harmless. */
  readonly severity: 'warning' | 'info';
  readonly message: string;
}

/** The error of a file that cannot be understood: file, line and reason. It stops the start. */
export function malformed({ file, line }: AvahiPlace, reason: string): ConfigurationError {
  return new ConfigurationError(`${file}, line ${line}: ${reason}`, { details: { file, line } });
}
