// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { ContainerEngine } from '../engine/container-engine.ts';
import type { MachinePort } from '../engine/container-spec.ts';

/** Begins the `error` of a machine that its engine starts no more by itself. */
export const GIVEN_UP = 'given up: ';

/** `iso`: a disc that the machine boots from and cannot write to. */
export const DISK_FORMATS = ['raw', 'qcow2', 'iso'] as const;
export type DiskFormat = (typeof DISK_FORMATS)[number];

/** A verified file that machines can be made of. It is read where it lies, and copied when a machine is made of it. */
export interface MachineImage {
  /** `REPOSITORY:TAG`; moved from the image that has it. */
  readonly tag: string;
  /** Absolute. */
  readonly path: string;
  readonly format: DiskFormat;
  /** Hexadecimal, of the whole file. */
  readonly sha256: string;
}

/** An image as a switch wants it. */
export interface AddedImage {
  readonly id: string;
  readonly tag: string;
  readonly configDigest: string;
}

/**
 * The host's qemu as an engine of containers, each of which is a virtual machine: what a switch does with containers
 * it does with machines.
 */
export interface MachineEngine extends ContainerEngine {
  /**
   * Notes a verified file as an image. Its file must stay for as long as machines are to be made of it; those that are
   * made do not need it.
   *
   * @throws EngineError where it is no disk of the format, or one that names other files
   */
  addImage(image: MachineImage, signal: AbortSignal): Promise<AddedImage>;
  /**
   * The serial console: what the machine writes from now on, and what is written goes to its input. Several can look
   * at a time. It ends with the machine, or when the signal is aborted.
   *
   * @throws EngineError 404, 409 where it does not run
   */
  openConsole(machine: string, signal: AbortSignal): Promise<Duplex>;
  /**
   * Leads other ports of the host into a machine, also while it runs.
   *
   * @throws EngineError 404, 409 where one is another's, 501 where one cannot be had; then it keeps those that it had
   */
  setPorts(machine: string, ports: readonly MachinePort[], signal: AbortSignal): Promise<void>;
  /** Whether a machine could have ports. @param isOwn whether one of the name gives way @throws EngineError 409, 501 */
  needPorts(
    ports: readonly MachinePort[],
    isOwn: (machine: string) => boolean,
    signal: AbortSignal,
  ): Promise<void>;
  /** A volume that no machine has any more; gone is fine. @throws EngineError 409 where one has it */
  removeVolume(name: string, signal: AbortSignal): Promise<void>;
  /** Takes up what runs, starts what should run and does not, until the signal is aborted; machines go on then. */
  supervise(signal: AbortSignal): Promise<void>;
}
