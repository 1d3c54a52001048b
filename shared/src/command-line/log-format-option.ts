// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { LOG_FORMATS } from '../log-text.ts';
import type { OptionDescription } from './options.ts';

/** The option of a service that says how its log is written. @param environment its variable */
export const logFormatOption = (environment: string): OptionDescription => ({
  flags: '--log-format <format>',
  description: 'lines of the log as text for people or as json for programs; auto: text on a terminal',
  environment,
  get schema() {
    return z.enum(LOG_FORMATS, { error: `one of ${LOG_FORMATS.join(', ')} expected` });
  },
  default: 'auto',
});
