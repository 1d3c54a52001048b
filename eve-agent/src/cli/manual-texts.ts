// SPDX-License-Identifier: Apache-2.0
import type { ManualTexts } from '@local-datastore/shared/command-line/manual-page';

/** What help and manual page say beside the definitions of the commands. */
export const MANUAL_TEXTS: ManualTexts = {
  sources:
    'Every option comes, in rising order, from its default, a YAML file (--config; of run: --settings), the environment ' +
    'and the flag.',
  examples: {
    '': [
      { line: 'eve-agent browse', does: 'list the datastores that answer on the bridges' },
      {
        line: 'eve-agent download http://ds.local/mine.img',
        does: 'fetch an image, and verify it',
      },
      {
        line: 'eve-agent run --config device.json --state state',
        does: 'keep the images of a device as its configuration wants them',
      },
    ],
    browse: [
      { line: 'eve-agent browse --bridge eth0', does: 'ask on one interface' },
      { line: 'eve-agent browse --parsable', does: 'print what scripts of avahi-browse read' },
    ],
    resolve: [{ line: 'eve-agent resolve http://ds.local/', does: 'find the address of a datastore' }],
    download: [
      {
        line: 'eve-agent download http://ds.local/mine.img --output disk.img',
        does: 'fetch an image to a file of another name',
      },
      {
        line: 'eve-agent download docker://ds.local/app:1 --form oci-layout',
        does: 'fetch a container image as a folder in the layout of OCI',
      },
    ],
    run: [
      {
        line: 'eve-agent run --config device.d --state state --log-level debug',
        does: 'take a folder of configurations, and tell more',
      },
    ],
    doctor: [
      { line: 'eve-agent doctor http://ds.local/mine.img', does: 'explain why an image does not come' },
      { line: 'eve-agent doctor', does: 'tell whether the network has a process of its own on this host' },
    ],
    retry: [{ line: 'eve-agent retry mine.img', does: 'try an image again at once' }],
    'deploy load': [{ line: 'eve-agent deploy load web.tar web', does: 'replace what runs by an archive' }],
    'deploy rollback': [{ line: 'eve-agent deploy rollback web', does: 'go back to the version before' }],
    completion: [
      { line: 'source <(eve-agent completion bash)', does: 'complete commands in this bash' },
      {
        line: 'eve-agent completion fish > ~/.config/fish/completions/eve-agent.fish',
        does: 'complete them in each fish',
      },
    ],
    man: [{ line: 'man -l <(eve-agent man)', does: 'read the manual page' }],
  },
  sections: [
    {
      heading: 'SERVICE',
      paragraphs: [
        'The unit eve-agent.service of the Debian package runs "eve-agent run". It is not enabled by the installation. ' +
          'Put a device configuration into /etc/eve-agent/device.d, then: systemctl enable --now eve-agent',
        'Changes of the device configuration are noticed while it runs. While the folder is empty, what was put through ' +
          'the API last counts. Members of the group eve-agent may read the images and use the API. Logs go to the ' +
          'journal: journalctl -u eve-agent',
        'Where the service listens on TCP, with mutual TLS, status, watch, logs, pause, resume, cancel and retry reach ' +
          'it from elsewhere by --api, --server-ca, --client-certificate and --client-key.',
      ],
    },
    {
      heading: 'FILES',
      terms: [
        ['/etc/eve-agent/device.d/*.json', 'what the device shall have; for root and the agent alone'],
        ['/etc/eve-agent/eve-agent.env', 'options of the service'],
        [
          '/var/lib/eve-agent',
          'images, status, and what has arrived of others; removed by a purge of the package',
        ],
        ['/var/lib/eve-agent/agent.sock', 'the API'],
        ['/usr/share/doc/eve-agent/examples/device.json', 'an example of a device configuration'],
        [
          '/usr/share/doc/eve-agent/examples/vms.conf',
          'what the service needs beside, where it launches virtual machines',
        ],
      ],
    },
  ],
};
