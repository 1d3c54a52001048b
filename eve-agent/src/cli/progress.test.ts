// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { layBarOut } from './progress.ts';

/** The longest line that a layout comes to. */
function longestLine({ format, name, barWidth }: ReturnType<typeof layBarOut>): string {
  const values: Record<string, string> = {
    ...{ name, bar: '#'.repeat(barWidth), percentage: '100', left: '99:59:59 left' },
    ...{ done: '1023.9 MiB', size: '1023.9 MiB', rate: '1023.9 MiB' },
  };
  return format.replaceAll(/{(\w+)}/g, (_, key) => values[key] ?? '');
}

describe('layBarOut', () => {
  it.each([
    ['a.img', 200],
    ['a.img', 80],
    ['debian-12-generic-amd64.qcow2', 80],
    ['debian-12-generic-amd64.qcow2', 132],
    ['x'.repeat(255), 100],
    ['debian-12-generic-amd64.qcow2', 60],
    ['a.img', 40],
  ])('shows rate and time left of %s on %i columns', (name, columns) => {
    const line = longestLine(layBarOut(name, columns));
    expect(line.length).toBeLessThanOrEqual(columns);
    expect(line).toMatch(/\/s {2}99:59:59 left$/);
  });

  it('has a bar of full width and the whole name where there is room', () => {
    expect(layBarOut('a.img', 120)).toMatchObject({ name: 'a.img', barWidth: 30 });
  });
});
