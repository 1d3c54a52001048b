import { expect, it } from 'vitest';
import { tableLines } from './text-table.ts';

it('aligns columns by the cells that they take, numbers to the right', () => {
  const rows = [
    ['漢字', '7', 'x'],
    ['disk', '10', ''],
  ];
  expect(tableLines(['NAME', 'SIZE', 'STATE'], rows, ['SIZE'])).toEqual([
    'NAME  SIZE  STATE',
    '漢字     7  x',
    'disk    10',
  ]);
});
