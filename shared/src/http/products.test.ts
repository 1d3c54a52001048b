// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { DOCTOR_PRODUCT, isDoctorProbe } from './products.ts';

it.each([
  [DOCTOR_PRODUCT, true],
  [`${DOCTOR_PRODUCT}/1.2`, true],
  [`UnityNetworkReporter/ (linux amd64) ${DOCTOR_PRODUCT}`, true],
  ['eve-agent', false],
  ['eve-agent-doctors', false],
  ['UnityNetworkReporter/ (linux amd64)', false],
  ['', false],
  [undefined, false],
])('"%s" is of a probe: %s', (userAgent, isProbe) => {
  expect(isDoctorProbe(userAgent)).toBe(isProbe);
});
