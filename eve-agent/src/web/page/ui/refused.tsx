// SPDX-License-Identifier: Apache-2.0
import type { ApiError } from '@local-datastore/shared/page/api-error';
import { WarningIcon } from '@local-datastore/shared/page/ui/icons.tsx';

/** What is not shown, and why: who may not see something is not told that there is none. */
export function Refused({ what, failure }: { what: string; failure: ApiError }) {
  // That nothing answers is said once, above.
  if (failure.status === 0) return null;
  return (
    <div class={failure.status === 404 ? 'notice notice-info' : 'notice notice-warning'} role="status">
      <WarningIcon />
      <div>
        {failure.status === 403 && (
          <p>
            <strong>Not permitted:</strong> your certificate does not let you see {what}.
          </p>
        )}
        <p>{failure.message}</p>
      </div>
    </div>
  );
}
