// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/**
 * The fields of Kubernetes' API (v1.30: core/v1, apps/v1) that the manifests here use, with their rules. Objects are
 * strict: a field that is misspelt or stands in the wrong place, which `kubectl` may drop, is an error.
 */
/** RFC 1123 label. */
const name = z.string().regex(/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/);
const labels = z.record(z.string().regex(/^(?:[a-z\d.-]+\/)?[A-Za-z\d][\w.-]{0,62}$/), z.string().max(63));
/** A quantity: a number with `m` or a unit. */
const quantity = z.string().regex(/^\d+(?:\.\d+)?(?:m|[kMGTP]|[KMGTP]i)?$/);
const port = z.int().min(1).max(65_535);
const absolute = z.string().regex(/^\/[^:]*$/);
const metadata = z.strictObject({ name, labels: labels.optional() });

const probe = z.strictObject({
  httpGet: z.strictObject({ host: z.string().optional(), path: absolute, port: z.union([port, name]) }),
  initialDelaySeconds: z.int().min(0).optional(),
  periodSeconds: z.int().min(1),
  timeoutSeconds: z.int().min(1).optional(),
  failureThreshold: z.int().min(1).optional(),
});

const container = z.strictObject({
  name,
  image: z.string(),
  args: z.array(z.string()),
  ports: z
    .array(z.strictObject({ name: name.max(15), containerPort: port, hostPort: port }))
    // On the host's network they are the same.
    .refine((ports) => ports.every(({ containerPort, hostPort }) => containerPort === hostPort))
    .optional(),
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true).optional(),
    runAsUser: z.int(),
    runAsGroup: z.int().optional(),
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({
      drop: z.tuple([z.literal('ALL')]),
      /** Without `CAP_` in front. */
      add: z.array(z.string().regex(/^(?!CAP_)[A-Z_]+$/)).optional(),
    }),
    seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
  }),
  startupProbe: probe.optional(),
  readinessProbe: probe,
  livenessProbe: probe,
  resources: z.strictObject({
    requests: z.strictObject({ cpu: quantity, memory: quantity }),
    limits: z.strictObject({ memory: quantity }),
  }),
  volumeMounts: z.array(z.strictObject({ name, mountPath: absolute, readOnly: z.boolean().optional() })),
});

const volume = z
  .strictObject({
    name,
    persistentVolumeClaim: z.strictObject({ claimName: name }).optional(),
    configMap: z.strictObject({ name }).optional(),
    emptyDir: z.strictObject({ sizeLimit: quantity }).optional(),
  })
  .refine((sources) => Object.keys(sources).length === 2, { error: 'one source expected' });

const podTemplate = z.strictObject({
  metadata: z.strictObject({ labels }),
  spec: z.strictObject({
    hostNetwork: z.literal(true),
    dnsPolicy: z.literal('ClusterFirstWithHostNet'),
    automountServiceAccountToken: z.literal(false),
    enableServiceLinks: z.literal(false),
    terminationGracePeriodSeconds: z.int().min(1),
    priorityClassName: z.enum(['system-node-critical', 'system-cluster-critical']).optional(),
    tolerations: z.array(z.strictObject({ operator: z.literal('Exists') })).optional(),
    securityContext: z.strictObject({ fsGroup: z.int() }).optional(),
    containers: z.array(container).length(1),
    volumes: z.array(volume),
  }),
});
const selector = z.strictObject({ matchLabels: labels });

export const manifestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('Namespace'), metadata }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('PersistentVolumeClaim'),
    metadata,
    spec: z.strictObject({
      accessModes: z.array(z.enum(['ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOncePod'])),
      resources: z.strictObject({ requests: z.strictObject({ storage: quantity }) }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject({
      replicas: z.literal(1),
      strategy: z.strictObject({ type: z.literal('Recreate') }),
      selector,
      template: podTemplate,
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('DaemonSet'),
    metadata,
    spec: z.strictObject({ selector, template: podTemplate }),
  }),
]);
export type Manifest = z.infer<typeof manifestSchema>;
export type Workload = Extract<Manifest, { kind: 'Deployment' | 'DaemonSet' }>;

/** kustomize.config.k8s.io/v1beta1, as far as it is used. */
export const kustomizationSchema = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: name,
  resources: z.array(z.string()),
  images: z.array(z.strictObject({ name: z.string(), newTag: z.string() })),
  configMapGenerator: z.array(z.strictObject({ name, files: z.array(z.string()) })),
});
