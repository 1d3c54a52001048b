// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec } from '../engine/container-spec.ts';
import { assembleContainer } from './assemble.ts';
import { type ArgumentFile, createDraft, type Draft } from './draft.ts';
import { RunArgumentsError, ValueError } from './errors.ts';
import { type RunFlag, shownValue } from './flags/flag.ts';
import { parseSwitch } from './grammar/numbers.ts';
import { requireArgumentText } from './limits.ts';
import { type ScannedFlag, scanArguments } from './scan.ts';

/** A flag as it was said. */
export interface SaidFlag {
  readonly flag: RunFlag;
  /** Of a secret flag too: for no log. */
  readonly value: string;
}

/** Arguments of `docker run` that are right by themselves. */
export interface RunArguments {
  readonly said: readonly SaidFlag[];
  /** All but the image, and what is in `files`. */
  readonly container: Omit<ContainerSpec, 'Image'>;
  /** What has to be read from the host to know the whole container. */
  readonly files: readonly ArgumentFile[];
}

export interface ParseOptions {
  /**
   * Whether a container has a terminal and an open input unless it says otherwise. ed-daemon starts each with
   * `docker run -d -it`, before the arguments of its file. Default true.
   */
  readonly hasTerminal?: boolean;
}

/** Stands for the image where a command follows. No image has this name, since names are lower case. */
const IMAGE_WORD = 'IMAGE';
const MAX_SHOWN = 64;

/** @throws RunArgumentsError */
function apply(draft: Draft, { flag, value }: ScannedFlag): void {
  const { treatment } = flag;
  const name = `--${flag.name}`;
  if (treatment.kind === 'refused') {
    throw new RunArgumentsError('ARGUMENT_REFUSED', name, `${name} cannot be used here: ${treatment.why}`);
  }
  try {
    if (flag.isSwitch) parseSwitch(value);
    if (treatment.kind === 'used') treatment.read(draft, value);
    else treatment.check?.(value);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new RunArgumentsError(
      'ARGUMENT_INVALID',
      name,
      // Without its name, a secret would be all that is shown.
      flag.isSecret ? `${name}: ${error.message}` : `${name} ${shownValue(flag, value)}: ${error.message}`,
      error,
    );
  }
}

const shorten = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

/** @throws RunArgumentsError where the words name an image */
function readCommand([image, ...command]: readonly string[]): readonly string[] {
  if (image === undefined || image === IMAGE_WORD) return command;
  // It may be half a flag whose value is a secret.
  const shown = shorten(image.replace(/=.*/s, '=…'));
  throw new RunArgumentsError(
    'ARGUMENT_INVALID',
    null,
    `'${shown}' stands where docker run has the image, which here is the one that is loaded; write ${IMAGE_WORD} there to have a command behind it`,
  );
}

/**
 * Reads the arguments that a deployment has in ed-daemon's file: those of `docker run` without the image. What is taken
 * means what it means to `docker run`, and what means nothing here is an error.
 *
 * @throws RunArgumentsError that names the flag
 */
export function parseRunArguments(args: readonly string[], options: ParseOptions = {}): RunArguments {
  requireArgumentText(args);
  const { hasTerminal = true } = options;
  const draft = createDraft();
  draft.container.OpenStdin = hasTerminal;
  draft.container.Tty = hasTerminal;
  const { flags, words } = scanArguments(args);
  for (const scanned of flags) apply(draft, scanned);
  const isRemoved = flags.findLast(({ flag }) => flag.name === 'rm')?.value ?? 'false';
  if (parseSwitch(isRemoved) && !['', 'no'].includes(draft.host.RestartPolicy?.Name ?? '')) {
    throw new RunArgumentsError('ARGUMENT_INVALID', '--rm', '--rm: it contradicts --restart');
  }
  const command = readCommand(words);
  if (command.length > 0) draft.container.Cmd = command;
  return { said: flags, container: assembleContainer(draft), files: draft.files };
}
