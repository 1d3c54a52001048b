// SPDX-License-Identifier: Apache-2.0
import { type Polled, usePolled } from '@local-datastore/shared/page/live/use-polled';
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { Age, Card, Fact } from '@local-datastore/shared/page/ui/card.tsx';
import { countText } from '@local-datastore/shared/text/quantities';
import { useState } from 'preact/hooks';
import type { AgentStatus, ConfigurationProblem, DeploymentConfiguration } from '../api/answers.ts';
import type { Offer } from '../api/offer.ts';
import type { PageContext } from '../context.ts';
import { Badge, type Mood } from '../ui/badge.tsx';
import { Refused } from '../ui/refused.tsx';

const SEPARATIONS = {
  on: ['on', 'good', 'a process without rights speaks to datastores and registries'],
  starting: ['starting', 'busy', 'the process without rights begins'],
  off: ['off', 'off', 'the agent itself speaks to datastores and registries'],
} as const satisfies Record<AgentStatus['separation']['state'], readonly [string, Mood, string]>;

const CONFIGURATIONS = {
  none: ['none', 'off', 'none is in force'],
  applied: ['applied', 'good', 'it is in force'],
  partial: ['partial', 'bad', 'documents of the newest are refused; what was before stays in force'],
  refused: ['refused', 'bad', 'the newest is refused; what was before stays in force'],
} as const satisfies Record<AgentStatus['configuration']['state'], readonly [string, Mood, string]>;

function Problems({ label, of: problems }: { label: string; of: readonly ConfigurationProblem[] }) {
  if (problems.length === 0) return null;
  return (
    <div>
      <p class="second">{label}</p>
      <ul class="failure">
        {problems.map(({ path, message }) => (
          <li key={`${path} ${message}`}>
            {path !== '' && <code class="breakable">{shownName(path)}</code>} {shownName(message)}
          </li>
        ))}
      </ul>
    </div>
  );
}

const Warnings = ({ of: warnings }: { of: readonly string[] }) =>
  warnings.length === 0 ? null : (
    <ul class="warnings">
      {warnings.map((warning) => (
        <li key={warning}>{shownName(warning)}</li>
      ))}
    </ul>
  );

function AgentCard({ status, version }: { status: AgentStatus; version: string }) {
  const [word, mood, meaning] = SEPARATIONS[status.separation.state];
  return (
    <Card title="Agent">
      <dl class="facts">
        <Fact label="Version">{version}</Fact>
        <Fact label="Separation">
          <Badge mood={mood}>{word}</Badge> {meaning}
          {status.separation.reason !== null && `: ${shownName(status.separation.reason)}`}
        </Fact>
        <Fact label="Content trees">
          <a href="#trees">{countText(status.contentTrees.length, 'content tree')}</a>
        </Fact>
        <Fact label="Apps">
          <a href="#apps">
            {status.apps === null ? 'none are launched' : countText(status.apps.length, 'app')}
          </a>
        </Fact>
      </dl>
    </Card>
  );
}

function ConfigurationCard({ configuration }: { configuration: AgentStatus['configuration'] }) {
  const { state, source, appliedAt, problems, unusable = [], warnings = [] } = configuration;
  const [word, mood, meaning] = CONFIGURATIONS[state];
  return (
    <Card title="Device configuration">
      <dl class="facts">
        <Fact label="State">
          <Badge mood={mood}>{word}</Badge> {meaning}
        </Fact>
        <Fact label="From">
          <span class="breakable">{source === null ? 'nowhere yet' : shownName(source)}</span>
        </Fact>
        {appliedAt !== null && (
          <Fact label="Applied">
            <Age at={appliedAt} />
          </Fact>
        )}
      </dl>
      <Problems label="Refused:" of={problems} />
      <Problems label="Cannot be used:" of={unusable} />
      <Warnings of={warnings} />
    </Card>
  );
}

function HostCard({ status: { ntp, dhcp, processes } }: { status: AgentStatus }) {
  if (ntp === null && dhcp.length === 0 && processes.length === 0) return null;
  return (
    <Card title="Clock, addresses, processes">
      <dl class="facts">
        {ntp !== null && (
          <Fact label="Clock">
            {ntp.state}
            {ntp.server !== null && `, by ${shownName(ntp.server)}`}
            {ntp.offsetMs !== null && `, ${ntp.offsetMs.toFixed(1)} ms away`}
            {ntp.refusal !== null && ` (refused: ${shownName(ntp.refusal)})`}
          </Fact>
        )}
        {dhcp.map((lease) => (
          <Fact key={lease.interface} label={lease.interface}>
            {lease.address ?? 'no address'}
            {lease.server !== null && ` from ${lease.server}`}
            {lease.reason !== null && ` (${shownName(lease.reason)})`}
          </Fact>
        ))}
        {processes.map(({ name, state, restarts, missing }) => (
          <Fact key={name} label={name}>
            {state}, {countText(restarts, 'restart')}
            {missing.map(({ layer, reason }) => `; without ${layer}: ${reason}`).join('')}
          </Fact>
        ))}
      </dl>
    </Card>
  );
}

function DeploymentsCard({ context: { client } }: { context: PageContext }) {
  const [load] = useState(() => () => client.read<DeploymentConfiguration>('/v1/deployment-configuration'));
  const { value, failure } = usePolled(load);
  return (
    <Card title="Deployments">
      {failure !== undefined && <Refused what="the configuration of the deployments" failure={failure} />}
      {value !== undefined && (
        <>
          <dl class="facts">
            <Fact label="File">
              <code class="breakable">{shownName(value.file)}</code>
            </Fact>
            <Fact label="Read">
              <Age at={value.readAt} />
            </Fact>
          </dl>
          {value.problem !== null && (
            <p class="failure">What it says now is not in force: {shownName(value.problem)}</p>
          )}
          <Warnings of={value.warnings} />
        </>
      )}
    </Card>
  );
}

/** What an operator looks at first. */
export function OverviewView({
  context,
  offer,
  status: { value, failure },
}: {
  context: PageContext;
  offer: Offer;
  status: Polled<AgentStatus | undefined>;
}) {
  return (
    <section aria-labelledby="overview-title">
      <div class="toolbar">
        <h2 id="overview-title">Overview</h2>
      </div>
      {failure !== undefined && <Refused what="the status" failure={failure} />}
      <div class="cards">
        {value !== undefined && (
          <>
            <AgentCard status={value} version={offer.version} />
            <ConfigurationCard configuration={value.configuration} />
            <HostCard status={value} />
          </>
        )}
        {offer.hasDeployments ? (
          <DeploymentsCard context={context} />
        ) : (
          <Card title="Deployments">
            <p class="second">
              They are shown where they are offered: at the address of <code>--deploy-listen</code>, and at
              the agent's own socket.
            </p>
          </Card>
        )}
        {!offer.hasStatus && (
          <Card title="Apps and content trees">
            <p class="second">
              This address is for deployments alone; the others are shown where the agent's own API is (
              <code>--listen</code>).
            </p>
          </Card>
        )}
      </div>
    </section>
  );
}
