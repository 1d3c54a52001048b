// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { connectToEngine, savedImages } from './engine-archive.ts';
import { type ImportKind, outcomeOf } from './import-kind.ts';
import { sendArchive } from './send-archive.ts';

const PREFIX = 'docker-daemon:';

/** Images of a Docker engine, or of what speaks as one. */
export const dockerDaemon: ImportKind = {
  form: 'docker-daemon:NAME:TAG',
  isKindOf: (source) => source.startsWith(PREFIX),
  async *importFrom(requests, deps) {
    for (const request of requests) {
      yield await outcomeOf(request.source, async () => {
        const image = request.source.slice(PREFIX.length);
        if (image === '') throw new ConfigurationError(`"${request.source}": name an image of the engine`);
        const engine = connectToEngine(deps.dockerHost);
        const leftOut = { layers: 0, sizeBytes: 0 };
        const content = savedImages(
          { ...deps, engine },
          { path: '/images/get', query: { names: image } },
          leftOut,
        );
        return sendArchive(request, content, undefined, deps);
      });
    }
  },
};
