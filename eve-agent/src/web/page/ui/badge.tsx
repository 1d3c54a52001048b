// SPDX-License-Identifier: Apache-2.0
/** How something is, at a glance. */
export type Mood = 'good' | 'bad' | 'busy' | 'off';

export function Badge({ mood, children }: { mood: Mood; children: string }) {
  return <span class={`badge badge-${mood}`}>{children}</span>;
}
