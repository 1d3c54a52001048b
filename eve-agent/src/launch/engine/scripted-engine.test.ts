// SPDX-License-Identifier: Apache-2.0
import { describeContainerEngineContract } from './container-engine-contract.ts';
import { createScriptedEngine, scriptedCommand } from './scripted-engine.ts';

describeContainerEngineContract('of tests', async () => {
  const engine = createScriptedEngine();
  engine.addImage('sha256:a', 'test/image:1');
  const specOf = (program: object) => ({
    Image: 'test/image:1',
    Cmd: scriptedCommand(program),
    HostConfig: {},
  });
  return {
    engine,
    image: { id: 'sha256:a', repository: 'test/image', tag: '1' },
    specOf,
    checks: [true, false].map((isHealthy) => ({
      spec: specOf({ isHealthy }),
      command: ['check'],
      exitCode: isHealthy ? 0 : 1,
    })),
  };
});
