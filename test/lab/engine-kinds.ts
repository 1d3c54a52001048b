// SPDX-License-Identifier: Apache-2.0
/** The Docker engines that what is launched is tried with. */
import type { Requirement } from '../requirements.ts';
import { startDockerEngine } from './docker-engine.ts';
import { startNewerDockerEngine } from './newer-docker-engine.ts';

export interface EngineKind {
  readonly title: string;
  readonly requirement: Requirement;
  readonly start: typeof startDockerEngine;
  /** Files that it writes while an archive comes, below its folder of data; as `-path` of find(1) has it. */
  readonly arriving: string;
}

/** Debian's of the same release as the rest. */
export const DEBIAN_ENGINE: EngineKind = {
  title: 'Docker',
  requirement: 'dockerd',
  start: startDockerEngine,
  arriving: '*/tmp/docker-import-*',
};

export const ENGINE_KINDS: readonly EngineKind[] = [
  DEBIAN_ENGINE,
  {
    title: 'a newer Docker, whose store is containerd’s',
    requirement: 'newer-dockerd',
    start: startNewerDockerEngine,
    arriving: '*/io.containerd.content.v1.content/ingest/*/data',
  },
];
