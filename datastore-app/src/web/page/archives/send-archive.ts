// SPDX-License-Identifier: Apache-2.0
const API = '/-/api/v1/registry/import';

export interface ArchiveAnswer {
  /** Of HTTP; 0: there was no answer. */
  readonly status: number;
  readonly body: string;
}

/** @property as how its images are to be called; undefined: as it calls them */
export interface SentArchive {
  readonly file: File;
  readonly as: string | undefined;
  /** That the file must have. */
  readonly sha256: string | undefined;
  readonly token: string;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Sends an archive. By XMLHttpRequest: `fetch` does not tell how much of a body has gone.
 *
 * @returns what was answered, also where it was ended
 */
export function sendArchive({
  file,
  as,
  sha256,
  token,
  onProgress,
  signal,
}: SentArchive): Promise<ArchiveAnswer> {
  const request = new XMLHttpRequest();
  const query = as === undefined ? '' : `?${new URLSearchParams({ name: as })}`;
  const end = () => request.abort();
  return new Promise((answered) => {
    request.open('POST', API + query);
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.setRequestHeader('Content-Type', 'application/x-tar');
    if (sha256 !== undefined) request.setRequestHeader('X-Checksum-Sha256', sha256);
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onloadend = () => {
      signal.removeEventListener('abort', end);
      answered({ status: request.status, body: request.responseText });
    };
    signal.addEventListener('abort', end);
    request.send(file);
  });
}
