// SPDX-License-Identifier: Apache-2.0
/** What the agent is packaged for: Node's name of an architecture, Debian's, and GNU's. */
export const ARCHITECTURES = {
  x64: { debian: 'amd64', gnu: 'x86_64-linux-gnu' },
  arm64: { debian: 'arm64', gnu: 'aarch64-linux-gnu' },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

export const ALL_ARCHITECTURES = Object.keys(ARCHITECTURES) as Architecture[];

export const isArchitecture = (name: string): name is Architecture => Object.hasOwn(ARCHITECTURES, name);
