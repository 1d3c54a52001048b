// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  containerName,
  isDeploymentName,
  parseRestartPolicy,
  restartPolicyText,
  roleOfName,
} from './names.ts';

describe('isDeploymentName', () => {
  it.each(['web', 'Web.1', 'a_b-c', '0', 'x.tryout', 'x.old-a', 'n'.repeat(100)])('%s', (name) => {
    expect(isDeploymentName(name)).toBe(true);
  });
  it.each([
    ...['', '.web', '-web', 'a/b', 'a b', 'ä', 'a\n', 'n'.repeat(101)],
    ...['web.try', 'web.new', 'web.back', 'web.old-3', '.new'],
  ])('not %j', (name) => {
    expect(isDeploymentName(name)).toBe(false);
  });
});

describe('the name of a container', () => {
  it.each([
    ['serving', 0, 'ed_web'],
    ['candidate', 0, 'ed_web.try'],
    ['next', 0, 'ed_web.new'],
    ['back', 0, 'ed_web.back'],
    ['old', 12, 'ed_web.old-12'],
  ] as const)('of the role %s says it', (role, number, name) => {
    expect(containerName('ed_web', role, number)).toBe(name);
    expect(roleOfName('ed_web', name)).toEqual({ role, oldNumber: role === 'old' ? number : null });
  });
  it.each(['ed_webs', 'ed_web.old-', 'ed_web.old-x', 'ed_web.old', 'ed_we', 'web', 'ed_web.new.new'])(
    '%s is none of ed_web',
    (name) => {
      expect(roleOfName('ed_web', name)).toBeUndefined();
    },
  );
});

describe('a restart policy', () => {
  it.each([
    ['no', { Name: 'no' }],
    ['always', { Name: 'always' }],
    ['unless-stopped', { Name: 'unless-stopped' }],
    ['on-failure', { Name: 'on-failure' }],
    ['on-failure:3', { Name: 'on-failure', MaximumRetryCount: 3 }],
  ] as const)('%s', (text, policy) => {
    expect(parseRestartPolicy(text)).toEqual(policy);
    expect(restartPolicyText(policy)).toBe(text);
  });
  it.each([undefined, '', 'sometimes', 'always:x'])('that nobody wrote, %s, is unless-stopped', (text) => {
    expect(parseRestartPolicy(text)).toEqual({ Name: 'unless-stopped' });
  });
  it('that the engine has none of is "no"', () => {
    expect(restartPolicyText({ Name: '', MaximumRetryCount: 0 })).toBe('no');
  });
});
