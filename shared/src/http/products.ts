// SPDX-License-Identifier: Apache-2.0
/** What our programs call themselves in `User-Agent` (RFC 9110 §10.1.5). */
export const AGENT_PRODUCT = 'eve-agent';

/** `eve-agent doctor`, which leaves what it asks for after the first bytes. */
export const DOCTOR_PRODUCT = 'eve-agent-doctor';

/** Whether a request says that it is the doctor's: that it breaks off shows nothing of anybody's download. */
export function isDoctorProbe(userAgent: string | undefined): boolean {
  return (userAgent ?? '').split(/[\s/]/).includes(DOCTOR_PRODUCT);
}
