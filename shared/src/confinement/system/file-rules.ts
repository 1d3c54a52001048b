// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync } from 'node:fs';
import { LANDLOCK } from './kernel-constants.ts';
import { openLibc } from './libc.ts';

/** Files and folders that a process may go on using. */
export interface FileRule {
  readonly path: string;
  /** `execute`: read and executed; `read`; `write`: also written and cut, but none made, renamed or removed. */
  readonly use: 'execute' | 'read' | 'write';
}

/** Linux's O_PATH: nothing is opened but the name. */
const O_PATH = 0o10000000;
const U64_BYTES = 8;

/** Rights that a version of Landlock knows (landlock(7), "Landlock ABI versions"). */
export function knownRights(version: number): { files: bigint; net: bigint; scoped: bigint } {
  const upTo = (bits: bigint) => (1n << bits) - 1n;
  const files = version >= 5 ? upTo(16n) : version >= 3 ? upTo(15n) : version === 2 ? upTo(14n) : upTo(13n);
  return { files, net: version >= 4 ? LANDLOCK.NET : 0n, scoped: version >= 6 ? LANDLOCK.SCOPED : 0n };
}

const { EXECUTE, READ_FILE, READ_DIR, WRITE_FILE, TRUNCATE } = LANDLOCK;
const OF_FILES = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE;
const RIGHTS: Readonly<Record<FileRule['use'], bigint>> = {
  execute: EXECUTE | READ_FILE,
  read: READ_FILE | READ_DIR,
  write: READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE,
};

/**
 * Lets this thread, and what it executes, use no file but these, whoever owns it; nor, where the kernel knows of it, bind
 * or connect TCP sockets, or signal a process outside. For good. It needs no right but that new privileges are refused.
 *
 * @throws SystemError `ENOSYS`, `EOPNOTSUPP`: the kernel has no Landlock; nothing is refused then
 */
export function refuseOtherFiles(rules: readonly FileRule[]): void {
  const libc = openLibc();
  const version = libc.syscallWithMemory('landlockCreateRuleset', [null, 0, LANDLOCK.CREATE_RULESET_VERSION]);
  const { files, net, scoped } = knownRights(version);
  // struct landlock_ruleset_attr, as much of it as the version has.
  const attributes = Buffer.alloc(U64_BYTES * (version >= 6 ? 3 : version >= 4 ? 2 : 1));
  for (const [index, rights] of [files, net, scoped].entries()) {
    if (index * U64_BYTES < attributes.length) attributes.writeBigUInt64LE(rights, index * U64_BYTES);
  }
  const ruleset = libc.syscallWithMemory('landlockCreateRuleset', [attributes, attributes.length, 0]);
  try {
    for (const rule of rules) addRule(ruleset, rule, files);
    libc.syscall('landlockRestrictSelf', ruleset, 0);
  } finally {
    closeSync(ruleset);
  }
}

function addRule(ruleset: number, { path, use }: FileRule, known: bigint): void {
  const fd = openSync(path, O_PATH);
  try {
    const rights = RIGHTS[use] & known & (fstatSync(fd).isDirectory() ? known : OF_FILES);
    // struct landlock_path_beneath_attr, which has no gaps.
    const beneath = Buffer.alloc(U64_BYTES + 4);
    beneath.writeBigUInt64LE(rights, 0);
    beneath.writeInt32LE(fd, U64_BYTES);
    openLibc().syscallWithMemory('landlockAddRule', [ruleset, LANDLOCK.RULE_PATH_BENEATH, beneath, 0]);
  } finally {
    closeSync(fd);
  }
}
