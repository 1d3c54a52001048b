// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The fields of an edge-app manifest that ZEDEDA's API documents (VMManifest), as a container app has them. */
const MATCH = z.strictObject({
  type: z.enum(['ip', 'host', 'protocol', 'lport', 'fport']),
  value: z.string(),
});
const ACTION = z.strictObject({
  drop: z.boolean(),
  limit: z.boolean(),
  limitValue: z.null(),
  limitrate: z.int(),
  limitunit: z.string(),
  limitburst: z.int(),
  portmap: z.boolean(),
  portmapto: z.strictObject({ appPort: z.int().min(1).max(65_535) }).optional(),
});
export const RULE = z.strictObject({
  name: z.string(),
  matches: z.array(MATCH).min(1),
  actions: z.array(ACTION).max(1, { error: 'EVE takes one action a rule' }),
});
export type Rule = z.infer<typeof RULE>;

const kilobytes = z.string().regex(/^\d+$/);

const IMAGE = z.strictObject({
  imagename: z.string(),
  imageformat: z.enum(['RAW', 'QCOW', 'QCOW2', 'VHD', 'VMDK', 'OVA', 'VHDX', 'CONTAINER', 'ISO']),
  maxsize: kilobytes,
  preserve: z.boolean(),
  target: z.enum(['Disk', 'Kernel', 'Initrd', 'RamDisk']),
  drvtype: z.enum(['CDROM', 'HDD', 'NET']),
  params: z.array(z.never()),
  readonly: z.boolean(),
  volumelabel: z.string(),
  ignorepurge: z.boolean(),
  cleartext: z.boolean(),
  mountpath: z.string().startsWith('/'),
});

const VARIABLE = z.strictObject({
  name: z.string(),
  label: z.string().min(1),
  required: z.boolean(),
  default: z.string(),
  value: z.string(),
  maxLength: z.string().regex(/^\d+$/),
  type: z.string(),
  options: z.array(z.never()),
  format: z.enum(['VARIABLE_FORMAT_TEXT', 'VARIABLE_FORMAT_NUMBER', 'VARIABLE_FORMAT_PASSWORD']),
  encode: z.enum(['FILE_ENCODING_UNSPECIFIED', 'FILE_ENCODING_BASE64']),
});

export const EDGE_APP = z.strictObject({
  acKind: z.literal('PodManifest'),
  acVersion: z.literal('1.2.0'),
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/),
  displayName: z.string(),
  description: z.string(),
  owner: z.strictObject({
    user: z.string(),
    group: z.string(),
    company: z.string(),
    website: z.string(),
    email: z.string(),
  }),
  desc: z.strictObject({
    category: z.string(),
    os: z.string(),
    appCategory: z.literal('APP_CATEGORY_EDGE_APPLICATION'),
    logo: z.null(),
    screenshotList: z.record(z.string(), z.string()),
    licenseList: z.record(z.string(), z.url()),
    support: z.string(),
    agreementList: z.record(z.string(), z.string()),
  }),
  appType: z.literal('APP_TYPE_CONTAINER'),
  deploymentType: z.literal('DEPLOYMENT_TYPE_STAND_ALONE'),
  vmmode: z.enum(['HV_PV', 'HV_HVM', 'HV_FML', 'HV_NOHYPER', 'HV_LEGACY']),
  enablevnc: z.boolean(),
  cpuPinningEnabled: z.boolean(),
  resources: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  images: z.array(IMAGE).min(1),
  interfaces: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        type: z.string(),
        optional: z.boolean(),
        directattach: z.boolean(),
        privateip: z.boolean(),
        acls: z.array(RULE),
      }),
    )
    .min(1),
  permissions: z.array(z.never()),
  configuration: z.strictObject({
    customConfig: z.strictObject({
      name: z.string().min(1),
      add: z.boolean(),
      override: z.boolean(),
      allowStorageResize: z.boolean(),
      fieldDelimiter: z.string().min(1),
      template: z.base64(),
      variableGroups: z.array(
        z.strictObject({
          name: z.string(),
          required: z.boolean(),
          condition: z.null(),
          variables: z.array(VARIABLE),
        }),
      ),
    }),
  }),
  containerDetail: z.null(),
  module: z.null(),
});
export type EdgeApp = z.infer<typeof EDGE_APP>;

/** What the controller sends as user data: the template with values in place of the variables. */
export function fillTemplate(app: EdgeApp, values: Readonly<Record<string, string>>): string {
  const { template, fieldDelimiter, variableGroups } = app.configuration.customConfig;
  let text = Buffer.from(template, 'base64').toString('utf8');
  for (const { name, default: byDefault } of variableGroups.flatMap(({ variables }) => variables)) {
    text = text.replaceAll(`${fieldDelimiter}${name}${fieldDelimiter}`, values[name] ?? byDefault);
  }
  return text;
}
