// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, HostConfig } from '../../engine/container-spec.ts';
import type { Draft } from '../draft.ts';
import { parseSwitch, parseWhole } from '../grammar/numbers.ts';

/** Writes what a value says. @throws ValueError */
export type ReadValue = (draft: Draft, value: string) => void;

/**
 * What is done with a flag:
 * - `used`: it becomes a field of the Engine API.
 * - `ours`: it says what the agent does of itself, or what no container shows; taken, without effect.
 * - `refused`: by name.
 */
export type Treatment =
  | { readonly kind: 'used'; readonly field: string; readonly read: ReadValue }
  | {
      readonly kind: 'ours';
      readonly why: string;
      /** @throws ValueError for a value that says something else */
      readonly check?: (value: string) => void;
    }
  | { readonly kind: 'refused'; readonly why: string };

/** A flag of `docker run`. */
export interface RunFlag {
  /** Without its dashes. */
  readonly name: string;
  readonly short?: string;
  /** Further names, which the help of `docker run` hides. */
  readonly hiddenNames?: readonly string[];
  /** Stands for true without a value; another one only behind `=`. */
  readonly isSwitch: boolean;
  /** How a value looks, for the manual. */
  readonly form: string;
  readonly treatment: Treatment;
  /** Its value may be a secret, behind its name: no message shows it. */
  readonly isSecret: boolean;
}

const MAX_SHOWN = 64;

/**
 * A value as a message may show it: of a secret its name alone, of a mount nothing from the first option of a driver on,
 * which may be a password; and not at length.
 */
export function shownValue({ isSecret }: RunFlag, value: string): string {
  const open = isSecret ? value.replace(/=.*/s, '=…') : value.replace(/(volume-opt=).*/is, '$1…');
  return open.length > MAX_SHOWN ? `${open.slice(0, MAX_SHOWN)}…` : open;
}

interface FlagOptions {
  readonly short?: string;
  readonly hiddenNames?: readonly string[];
  readonly isSecret?: boolean;
}

/** A flag that becomes `field`. */
export const used = (
  name: string,
  form: string,
  field: string,
  read: ReadValue,
  options: FlagOptions = {},
): RunFlag => ({
  name,
  form,
  isSwitch: false,
  isSecret: false,
  treatment: { kind: 'used', field, read },
  ...options,
});

/** The same for one that takes no value of its own. */
export const usedSwitch = (
  name: string,
  field: string,
  write: (draft: Draft, isOn: boolean) => void,
  options: FlagOptions = {},
): RunFlag => ({
  ...used(name, '', field, (draft, value) => write(draft, parseSwitch(value)), options),
  isSwitch: true,
});

export const ours = (
  name: string,
  form: string,
  why: string,
  options: FlagOptions & { readonly isSwitch?: boolean; readonly check?: (value: string) => void } = {},
): RunFlag => {
  const { isSwitch = false, check, ...others } = options;
  return {
    ...{ name, form, isSwitch, isSecret: false, ...others },
    treatment: { kind: 'ours', why, ...(check !== undefined && { check }) },
  };
};

export const refused = (
  name: string,
  form: string,
  why: string,
  options: FlagOptions & { readonly isSwitch?: boolean } = {},
): RunFlag => {
  const { isSwitch = false, ...others } = options;
  return { name, form, isSwitch, isSecret: false, ...others, treatment: { kind: 'refused', why } };
};

/** The fields of `From` that hold a `Value`. */
type FieldOf<From, Value> = {
  [Key in keyof From]-?: Value extends Required<From>[Key]
    ? Required<From>[Key] extends Value
      ? Key
      : never
    : never;
}[keyof From];

type HostText = FieldOf<HostConfig, string>;
type HostNumber = FieldOf<HostConfig, number>;
type HostList = FieldOf<HostConfig, readonly string[]>;
type ContainerText = Exclude<FieldOf<ContainerSpec, string>, 'Image' | 'MacAddress'>;

const asIs = (text: string) => text;

/** The last value is the one. */
export const hostText =
  (field: HostText, parse: (text: string) => string = asIs): ReadValue =>
  (draft, value) => {
    draft.host[field] = parse(value);
  };

export const containerText =
  (field: ContainerText, parse: (text: string) => string = asIs): ReadValue =>
  (draft, value) => {
    draft.container[field] = parse(value);
  };

export const hostNumber =
  (field: HostNumber, parse: (text: string) => number): ReadValue =>
  (draft, value) => {
    draft.host[field] = parse(value);
  };

export const hostWhole = (field: HostNumber, least: number, greatest = Number.MAX_SAFE_INTEGER): ReadValue =>
  hostNumber(field, (text) => parseWhole(text, least, greatest));

/** Each value is one more. */
export const hostList =
  (field: HostList, parse: (text: string) => string = asIs): ReadValue =>
  (draft, value) => {
    draft.host[field] = [...(draft.host[field] ?? []), parse(value)];
  };
