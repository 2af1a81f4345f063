import { Alert, Card, CardBody, CardTitle, DescriptionList, Gallery, Label, Title } from "@patternfly/react-core";
import BoltIcon from "@patternfly/react-icons/dist/esm/icons/bolt-icon";
import CheckCircleIcon from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import TurtleIcon from "@patternfly/react-icons/dist/esm/icons/hourglass-half-icon";
import UnpluggedIcon from "@patternfly/react-icons/dist/esm/icons/unplugged-icon";
import { Link } from "react-router";

import type { HostInfo } from "../api/types";
import { Entry } from "../common/Entry";
import { formatBytes, formatPercent, plural } from "../common/format";
import { Time } from "../common/Time";
import { UsageChart } from "../common/UsageChart";
import { useHostHistory } from "../live/samples";
import { NetworksCard } from "./NetworksCard";
import { StorageCard } from "./StorageCard";

/** One host at a glance. */
export function HostCards({ host, named }: { host: HostInfo; named: boolean }): React.JSX.Element {
  return (
    <section className="sk-stack" aria-label={`Host ${host.name}`}>
      {named && <Title headingLevel="h2">{host.name}</Title>}
      {host.problem && <Alert isInline variant="danger" title={host.problem} />}
      {host.facts?.warnings.map((warning) => <Alert key={warning} isInline variant="warning" title={warning} />)}
      <Gallery hasGutter minWidths={{ default: "100%", lg: "24rem" }}>
        <OverviewCard host={host} />
        <UsageCard host={host} />
      </Gallery>
      <StorageCard pools={host.storage_pools} />
      <NetworksCard networks={host.networks} />
    </section>
  );
}

function OverviewCard({ host }: { host: HostInfo }): React.JSX.Element {
  const { facts } = host;
  return (
    <Card>
      <CardTitle>Overview</CardTitle>
      <CardBody>
        <DescriptionList isHorizontal isCompact>
          <Entry term="State">
            <Label
              isCompact
              color={host.online ? "green" : "red"}
              icon={host.online ? <CheckCircleIcon /> : <UnpluggedIcon />}
            >
              {host.online ? "Online" : "Offline"}
            </Label>{" "}
            <span className="sk-quiet">
              since <Time at={host.since} />
            </span>
          </Entry>
          <Entry term="Machines">
            <Link to="/vms">{plural(host.vms, "machine")}</Link>, {host.running_vms} running
          </Entry>
          {facts && (
            <>
              <Entry term="Accelerator">
                <Label
                  isCompact
                  color={facts.accelerator.kind === "kvm" ? "green" : "orange"}
                  icon={facts.accelerator.kind === "kvm" ? <BoltIcon /> : <TurtleIcon />}
                >
                  {facts.accelerator.kind === "kvm" ? "KVM" : "TCG (slow emulation)"}
                </Label>
                <div className="sk-quiet">{facts.accelerator.reason}</div>
              </Entry>
              <Entry term="Processor">
                {facts.cpu_model} ({plural(facts.cpus, "CPU")}, {facts.architecture})
              </Entry>
              <Entry term="Memory">{formatBytes(facts.memory)}</Entry>
              <Entry term="System">
                {facts.os}
                <div className="sk-quiet">Linux {facts.kernel}</div>
              </Entry>
              <Entry term="Hypervisor">
                QEMU {facts.qemu_version}, libvirt {facts.libvirt_version}
                <div className="sk-quiet">{facts.libvirt_uri}</div>
              </Entry>
              <Entry term="Guests may have">
                {facts.uefi ? "UEFI firmware" : "no UEFI firmware (install ovmf)"},{" "}
                {facts.tpm ? "a TPM" : "no TPM (install swtpm)"}
              </Entry>
            </>
          )}
        </DescriptionList>
      </CardBody>
    </Card>
  );
}

function UsageCard({ host }: { host: HostInfo }): React.JSX.Element {
  const history = useHostHistory(host.name);
  const memory = host.facts?.memory ?? 0;
  return (
    <Card>
      <CardTitle>Last minutes</CardTitle>
      <CardBody className="sk-stack">
        <UsageChart
          title="CPU"
          format={formatPercent}
          max={1}
          series={[{ name: "used", points: history.map(({ at, value }) => ({ at, value: value.cpu })) }]}
        />
        <UsageChart
          title="Memory"
          format={formatBytes}
          max={memory}
          series={[
            { name: "used", points: history.map(({ at, value }) => ({ at, value: memory - value.free_memory })) },
          ]}
        />
      </CardBody>
    </Card>
  );
}
