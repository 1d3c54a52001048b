// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9.5" height="9.5" rx="2" />
    <path d="M13 7V5.5a2 2 0 0 0-2-2H5.5a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m4.5 10.5 3.7 3.7 7.3-8" />
  </Icon>
);
export const DownloadIcon = () => (
  <Icon>
    <path d="M10 3.5v9m-3.7-3.4 3.7 3.7 3.7-3.7M4 16.5h12" />
  </Icon>
);
export const UploadIcon = () => (
  <Icon>
    <path d="M10 13V4m-3.7 3.4L10 3.7l3.7 3.7M4 16.5h12" />
  </Icon>
);
export const DeleteIcon = () => (
  <Icon>
    <path d="M4 5.8h12M8 5.5V4.2c0-.4.3-.7.7-.7h2.6c.4 0 .7.3.7.7v1.3M5.5 6l.7 9.2c.1.7.6 1.3 1.4 1.3h4.8c.8 0 1.3-.6 1.4-1.3l.7-9.2M8.5 9v4.5M11.5 9v4.5" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path d="M7 5v10M13 5v10" />
  </Icon>
);
export const PlayIcon = () => (
  <Icon>
    <path d="M7 4.8v10.4l8-5.2z" />
  </Icon>
);
export const ManageIcon = () => (
  <Icon>
    <path d="M3.5 6h7m4 0h2m-13 8h2m4 0h7M10.5 6a2 2 0 1 0 4 0 2 2 0 1 0-4 0m-5 8a2 2 0 1 0 4 0 2 2 0 1 0-4 0" />
  </Icon>
);
export const RenameIcon = () => (
  <Icon>
    <path d="M4 16v-2.8L13.2 4a1.4 1.4 0 0 1 2 0l.8.8a1.4 1.4 0 0 1 0 2L6.8 16zM11.6 5.6l2.8 2.8" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m5.5 5.5 9 9m0-9-9 9" />
  </Icon>
);
export const KeyIcon = () => (
  <Icon>
    <circle cx="7" cy="13" r="3.2" />
    <path d="m9.4 10.6 6.1-6.1m-2.2 2.2 2 2" />
  </Icon>
);
export const WarningIcon = () => (
  <Icon>
    <path d="M10 3.8 17 16H3zM10 8.5v3.5m0 1.9v.1" />
  </Icon>
);
export const SortIcon = ({ direction }: { direction: 'ascending' | 'descending' }) => (
  <Icon>
    <path d={direction === 'ascending' ? 'm6 12 4-4 4 4' : 'm6 8 4 4 4-4'} />
  </Icon>
);
