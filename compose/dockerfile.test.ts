// SPDX-License-Identifier: Apache-2.0
/** What the images say of themselves: pre-defined annotation keys of the OCI image specification 1.1, as labels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workspace } from './program-bundle.ts';

const read = (file: string) => readFileSync(join(workspace, file), 'utf8');

/** The stages of the Dockerfile by name, comments left out and continued lines joined. */
const STAGES = new Map(
  read('compose/Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split(/^(?=FROM )/m)
    .flatMap((stage) => {
      const name = /^FROM .* AS (\S+)$/m.exec(stage)?.[1];
      return name === undefined ? [] : [[name, stage] as const];
    }),
);

/** `key=value` and `key="value"` of its instructions LABEL. */
function labelsOf(stage: string): Record<string, string> {
  const lines = stage.split('\n').filter((line) => line.startsWith('LABEL '));
  const pairs = lines.flatMap((line) => [...line.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S+))/g)]);
  return Object.fromEntries(pairs.map(([, key = '', quoted, plain]) => [key, quoted ?? plain ?? '']));
}

describe.each(['datastore-app', 'eve-agent'])('the image of %s', (program) => {
  const stage = STAGES.get(program) ?? '';

  it('says what it is, in the version that the program tells', () => {
    const { version, license } = JSON.parse(read(`${program}/package.json`));
    expect(labelsOf(stage)).toEqual({
      'local-datastore': program,
      'org.opencontainers.image.title': program,
      'org.opencontainers.image.description': expect.stringMatching(/^[A-Z].{20,}[^.]$/),
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Docker's own
      'org.opencontainers.image.base.name': '${BASE}',
    });
  });

  it('is judged by a command of the program itself, which follows the settings', () => {
    const [, check = ''] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(stage) ?? [];
    const [node, main, command] = JSON.parse(check) as string[];
    expect([node, main]).toEqual(['node', `/opt/${program}/main.js`]);
    expect(command).toBe('health');
  });
});
