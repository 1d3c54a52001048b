// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import {
  assemble,
  BPF,
  branch,
  give,
  type Instruction,
  jump,
  type Line,
  label,
  load,
} from './bpf-program.ts';
import {
  AUDIT_ARCH,
  FIRST_NUMBER_OF_ALL,
  type Processor,
  type SyscallName,
  syscallNumber,
  X32_BIT,
} from './syscall-numbers.ts';

/** What has to be true of an argument; the kernel's calls take the lower 32 bits of most. */
export type Condition =
  | { readonly argument: number; readonly isOneOf: readonly number[] }
  | { readonly argument: number; readonly hasBit: number }
  | { readonly argument: number; readonly hasNoneOf: number }
  /** All 64 bits, as of an address. */
  | { readonly argument: number; readonly is: bigint };

/** Conditions that are enough when they are all true; one such list has to be. */
export type Alternatives = readonly (readonly Condition[])[];

/** What a process may call. What is named nowhere is answered with EPERM, or ENOSYS where it is a newer call. */
export interface SyscallPolicy {
  readonly allowed: readonly SyscallName[];
  /** Called for what is harmless alone. Otherwise EPERM. */
  readonly allowedIf: Readonly<Partial<Record<SyscallName, Alternatives>>>;
  /** Answered as by a kernel that does not have them: their callers have another way. */
  readonly absent: readonly SyscallName[];
}

/** `struct seccomp_data`. */
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
const ARGUMENT_BYTES = 8;

/** What a filter of system calls gives (seccomp(2)); a process is never killed by it. */
export const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
export const REFUSE = ERRNO | constants.errno.EPERM;
export const NO_SUCH_CALL = ERRNO | constants.errno.ENOSYS;

const low = (argument: number) => load(BPF.LOAD_WORD, ARGUMENTS_OFFSET + ARGUMENT_BYTES * argument);
const high = (argument: number) => load(BPF.LOAD_WORD, ARGUMENTS_OFFSET + ARGUMENT_BYTES * argument + 4);

/** Goes on when it is true, and to `otherwise` when not. */
function check(condition: Condition, otherwise: string, fulfilled: string): Line[] {
  const { argument } = condition;
  if ('hasBit' in condition) {
    return [low(argument), branch(BPF.JUMP_IF_ANY_BIT, condition.hasBit, undefined, otherwise)];
  }
  if ('hasNoneOf' in condition) {
    return [low(argument), branch(BPF.JUMP_IF_ANY_BIT, condition.hasNoneOf, otherwise)];
  }
  if ('is' in condition) {
    return [
      low(argument),
      branch(BPF.JUMP_IF_EQUAL, Number(condition.is & 0xffffffffn), undefined, otherwise),
      high(argument),
      branch(BPF.JUMP_IF_EQUAL, Number(condition.is >> 32n), undefined, otherwise),
    ];
  }
  return [
    low(argument),
    ...condition.isOneOf.map((value) => branch(BPF.JUMP_IF_EQUAL, value, fulfilled)),
    jump(otherwise),
    label(fulfilled),
  ];
}

/** The way through one call's alternatives, to a return on each side. */
function checkAlternatives(name: string, alternatives: Alternatives): Line[] {
  const lines: Line[] = [];
  for (const [index, conditions] of alternatives.entries()) {
    const next = `${name} ${index + 1}`;
    for (const [at, condition] of conditions.entries()) {
      lines.push(...check(condition, next, `${name} ${index} ${at}`));
    }
    lines.push(give(ALLOW), label(next));
  }
  return [...lines, give(REFUSE)];
}

interface Answer {
  readonly number: number;
  readonly lines: readonly Line[];
}

/**
 * Finds the answer to a number by halves, seven comparisons for a hundred calls: it is asked at every call.
 *
 * @param sorted by number
 */
function search(sorted: readonly Answer[], name: string): Line[] {
  const [first] = sorted;
  if (first === undefined) return [jump('other')];
  if (sorted.length === 1) {
    const skip = `${name} skip`;
    return [
      branch(BPF.JUMP_IF_EQUAL, first.number, undefined, skip),
      ...first.lines,
      label(skip),
      jump('other'),
    ];
  }
  const middle = sorted.length >> 1;
  const right = sorted.slice(middle);
  const above = `${name} above`;
  return [
    branch(BPF.JUMP_IF_NOT_LESS, right[0]?.number ?? 0, undefined, `${name} below`),
    jump(above),
    label(`${name} below`),
    ...search(sorted.slice(0, middle), `${name}0`),
    label(above),
    ...search(right, `${name}1`),
  ];
}

/**
 * The filter of system calls that a policy makes, for `seccomp(SECCOMP_SET_MODE_FILTER)`. Calls in another form than the
 * processor's own (32 bits, x32) are refused.
 *
 * @throws RangeError a policy that names a call twice, or is too long
 */
export function seccompFilter(policy: SyscallPolicy, processor: Processor): Instruction[] {
  const answers = new Map<number, readonly Line[]>();
  const answer = (name: SyscallName, lines: readonly Line[]) => {
    const number = syscallNumber(name, processor);
    if (number === null) return;
    if (answers.has(number)) throw new RangeError(`${name} stands in the policy twice`);
    answers.set(number, lines);
  };
  for (const name of policy.allowed) answer(name, [give(ALLOW)]);
  for (const name of policy.absent) answer(name, [give(NO_SUCH_CALL)]);
  for (const [name, alternatives] of Object.entries(policy.allowedIf)) {
    answer(name as SyscallName, checkAlternatives(name, alternatives));
  }
  const sorted = [...answers]
    .map(([number, lines]): Answer => ({ number, lines }))
    .sort((a, b) => a.number - b.number);
  return assemble([
    load(BPF.LOAD_WORD, ARCH_OFFSET),
    branch(BPF.JUMP_IF_EQUAL, AUDIT_ARCH[processor], 'own'),
    give(REFUSE),
    label('own'),
    load(BPF.LOAD_WORD, NUMBER_OFFSET),
    ...search(sorted, 'calls '),
    label('other'),
    branch(BPF.JUMP_IF_NOT_LESS, X32_BIT, 'refuse'),
    branch(BPF.JUMP_IF_NOT_LESS, FIRST_NUMBER_OF_ALL, 'absent'),
    label('refuse'),
    give(REFUSE),
    label('absent'),
    give(NO_SUCH_CALL),
  ]);
}
