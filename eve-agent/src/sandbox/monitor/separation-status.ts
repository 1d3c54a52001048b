// SPDX-License-Identifier: Apache-2.0
/** Whether the network is spoken to by a process without rights. */
export interface SeparationStatus {
  /** `starting`: it is not known yet whether this host lets such a process run. */
  readonly state: 'on' | 'starting' | 'off';
  /** Why it is off, as a clause; null: it is not. */
  readonly reason: string | null;
}
