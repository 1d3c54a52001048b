// SPDX-License-Identifier: Apache-2.0
import {
  type MissingLayer,
  REFUSED_BY_KERNEL,
} from '@local-datastore/shared/confinement/launcher/layer-plan';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { type CheckResult, type Finding, type Judgement, problem, resultOf, warning } from '../check.ts';

/** What came of starting the process that speaks to the network, as the service starts it. */
export type SeparationTrial =
  /** The service is not to have one: nothing was started. */
  | { readonly kind: 'turned-off' }
  /** It was ready; as the kernel showed it then. */
  | { readonly kind: 'runs'; readonly seen: ProcessStatus }
  /** The reason is a clause. */
  | { readonly kind: 'cannot'; readonly reason: string };

const CHECK = { id: 'separation', title: 'Separation' };
const WHAT_IT_TAKES =
  'let it have /proc, filters of system calls (seccomp), the libc of GNU and memory (ulimit -d), and ask again; as a single ' +
  'executable, a temporary folder to execute from';

function adviceFor(layers: readonly string[], reason: string): string {
  if (reason === REFUSED_BY_KERNEL) {
    return "look for what forbids it to the agent: AppArmor, SELinux, or the container's own filter (--security-opt)";
  }
  const isOfNamespaces = layers.some((layer) => layer.endsWith('namespace'));
  return isOfNamespaces
    ? 'an agent that runs as root has it, in a container with --cap-add SYS_ADMIN, and one of an ordinary user where ' +
        'the kernel lets everybody make user namespaces and util-linux is there; the other layers hold without'
    : 'an agent that runs as root has it, in a container with its usual capabilities; the other layers hold without';
}

/** Those that are missing for the same reason, as one finding. */
const missingFindings = (missing: readonly MissingLayer[]): Finding[] =>
  [...Map.groupBy(missing, ({ reason }) => reason)].map(([reason, those]) => {
    const layers = those.map(({ layer }) => layer);
    const message = `missing: ${layers.join(', ')}, since ${reason}`;
    return warning('layers-missing', message, adviceFor(layers, reason));
  });

function judge(trial: SeparationTrial, isRequired: boolean): Judgement {
  switch (trial.kind) {
    case 'turned-off':
      return { summary: 'turned off: the service is one process', isSkipped: true };
    case 'cannot': {
      const { reason } = trial;
      const message = `no process without rights can be had here: ${reason}`;
      return {
        summary: isRequired ? 'the service does not start' : 'the service is one process',
        facts: { isSeparated: false, reason },
        findings: [
          isRequired
            ? problem('usage', 'no-separation', message, WHAT_IT_TAKES)
            : warning('no-separation', message, WHAT_IT_TAKES),
        ],
      };
    }
    case 'runs': {
      const { layers, missing, user } = trial.seen;
      return {
        summary: `the network is spoken to by a process of its own: ${layers.join(', ')}`,
        facts: { isSeparated: true, user, layers, missing: missing.map(({ layer }) => layer) },
        findings: missingFindings(missing),
      };
    }
  }
}

/**
 * Whether the service would speak to the network by a process without rights, and what confines that.
 *
 * @param isRequired whether the service is not to start without
 */
export const judgeSeparation = (trial: SeparationTrial, isRequired: boolean): CheckResult =>
  resultOf(CHECK, judge(trial, isRequired));
