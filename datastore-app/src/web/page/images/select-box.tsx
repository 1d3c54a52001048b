// SPDX-License-Identifier: Apache-2.0
/** Chooses one thing, or several: then it may be chosen in part. */
export function SelectBox({
  label,
  share,
  onChange,
}: {
  label: string;
  share: 'none' | 'some' | 'all';
  /** @param isRange the person holds Shift */
  onChange: (isSelected: boolean, isRange: boolean) => void;
}) {
  return (
    <label class="select-box">
      <input
        type="checkbox"
        aria-label={label}
        checked={share === 'all'}
        indeterminate={share === 'some'}
        onClick={(event) => onChange(event.currentTarget.checked, event.shiftKey)}
      />
    </label>
  );
}
