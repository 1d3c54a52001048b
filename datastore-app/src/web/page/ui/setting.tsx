// SPDX-License-Identifier: Apache-2.0
import { CopyButton } from '@local-datastore/shared/page/ui/copy-button.tsx';

/** A value that has to be entered elsewhere; one of a list of definitions. */
export function Setting({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <div class="setting">
      <dt>{label}</dt>
      <dd>
        {value === '' ? <em>leave empty</em> : <code>{value}</code>}
        {value !== '' && <CopyButton text={value} what={label} />}
        {hint !== undefined && <span class="second">{hint}</span>}
      </dd>
    </div>
  );
}
