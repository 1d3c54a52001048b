// SPDX-License-Identifier: Apache-2.0
import type { ManualTexts } from '@local-datastore/shared/command-line/manual-page';

/** What help and manual page say beside the definitions of the commands. */
export const MANUAL_TEXTS: ManualTexts = {
  sources:
    'Every option of a setting comes, in rising order, from its default, the YAML file of --config, the environment ' +
    'and the flag.',
  examples: {
    '': [
      { line: 'datastore-app serve --root images --state state', does: 'serve the images of a folder' },
      {
        line: 'datastore-app check --root images --state state',
        does: 'say what would be served, and what is wrong',
      },
      { line: 'datastore-app token --state state', does: 'print the token that uploads need' },
    ],
    serve: [
      { line: 'datastore-app serve --config datastore.yaml', does: 'serve as a file of settings says' },
      {
        line: 'datastore-app serve --config datastore.yaml --print-config',
        does: 'print what is in effect, and why',
      },
    ],
    'images list': [
      { line: 'datastore-app images list --root images --json', does: 'list the images for a program' },
    ],
    'images add': [
      { line: 'datastore-app images add disk.qcow2 --root images', does: 'copy an image into the root' },
    ],
    'images verify': [{ line: 'datastore-app images verify --root images', does: 'find images that rotted' }],
    import: [
      {
        line: 'datastore-app import docker://registry.example/app:1',
        does: 'fetch a container image from a registry',
      },
    ],
    changes: [{ line: 'datastore-app changes disk.qcow2', does: 'say who changed an image, and when' }],
    'registry list': [{ line: 'datastore-app registry list', does: 'list the container images' }],
    completion: [{ line: 'source <(datastore-app completion bash)', does: 'complete commands in this bash' }],
    man: [{ line: 'man -l <(datastore-app man)', does: 'read the manual page' }],
  },
  sections: [
    {
      heading: 'FILES',
      terms: [
        ['/var/lib/datastore/images', 'the images, where --root names no other folder'],
        ['/var/lib/datastore/state', 'what is remembered over restarts, where --state names no other folder'],
        ['/var/lib/datastore/state/write-token', 'the token that uploads need'],
      ],
    },
  ],
};
