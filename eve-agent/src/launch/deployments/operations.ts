// SPDX-License-Identifier: Apache-2.0
/** What can be asked of a deployment; in `clients` of the configuration, what somebody may ask. */
export const OPERATIONS = [
  'list',
  'inspect',
  'history',
  'logs',
  'load',
  'pull',
  'start',
  'stop',
  'restart',
  'rollback',
  'prune',
  'delete',
] as const;

export type Operation = (typeof OPERATIONS)[number];

/** Those that change something: one at a time of a deployment, each a line in the audit log. */
export type ChangingOperation = Exclude<Operation, 'list' | 'inspect' | 'history' | 'logs'>;

export const isOperation = (text: string): text is Operation =>
  OPERATIONS.some((operation) => operation === text);
