import { Alert, Button, Card, CardBody, CardHeader, CardTitle, DescriptionList, Gallery } from "@patternfly/react-core";
import { useState } from "react";
import { Link } from "react-router";

import type { Vm } from "../../api/types";
import { Entry } from "../../common/Entry";
import { formatBytes, plural } from "../../common/format";
import { Time } from "../../common/Time";
import { Uptime } from "../../common/Uptime";
import { AddressList } from "../Addresses";
import { VmStateLabel } from "../VmStateLabel";
import { bootText } from "./bootOrder";
import { EditVmDialog } from "./EditVmDialog";
import { UsageCard } from "./UsageCard";

/** What a machine is, and what it does now. */
export function OverviewTab({ vm }: { vm: Vm }): React.JSX.Element {
  return (
    <>
      {vm.needs_restart && (
        <Alert isInline variant="info" title="Some changes wait for a restart">
          Shut it down and start it again. A reboot from inside the guest is not enough.
        </Alert>
      )}
      {!vm.persistent && (
        <Alert isInline variant="warning" title="This machine disappears when it stops">
          It was started without being defined (virsh create).
        </Alert>
      )}
      <Gallery hasGutter minWidths={{ default: "100%", lg: "22rem" }}>
        <AboutCard vm={vm} />
        <UsageCard vm={vm} />
      </Gallery>
    </>
  );
}

function AboutCard({ vm }: { vm: Vm }): React.JSX.Element {
  const [editing, setEditing] = useState(false);
  const edit = (
    <Button variant="secondary" size="sm" onClick={() => setEditing(true)}>
      Edit
    </Button>
  );
  return (
    <Card>
      <CardHeader actions={vm.actions.includes("edit") ? { actions: edit } : undefined}>
        <CardTitle component="h2">About</CardTitle>
      </CardHeader>
      <CardBody>
        <DescriptionList isHorizontal isCompact>
          <Entry term="State">
            <VmStateLabel vm={vm} />
            {vm.started_at && (
              <div className="sk-quiet">
                for <Uptime since={vm.started_at} />
              </div>
            )}
          </Entry>
          <Entry term="IP addresses">
            <VmAddresses vm={vm} />
          </Entry>
          <Entry term="CPUs and memory">
            {plural(vm.vcpus, "CPU")}, {formatBytes(vm.memory)}
          </Entry>
          <Entry term="Host">
            <Link to="/hosts">{vm.host}</Link>
            {vm.domain_type === "qemu" && <div className="sk-quiet">emulated, without hardware acceleration</div>}
          </Entry>
          <Entry term="Firmware">
            {vm.firmware === "uefi" ? "UEFI" : "BIOS"}
            {vm.secure_boot && ", Secure Boot"}
            {vm.tpm && ", TPM"}
          </Entry>
          <Entry term="Starts from">
            {vm.direct_kernel ? <DirectKernel kernel={vm.direct_kernel} /> : bootText(vm.boot_order)}
          </Entry>
          <Entry term="Starts with host">{vm.autostart ? "yes" : "no"}</Entry>
          {vm.template && <Entry term="Cloned from">{vm.template}</Entry>}
          <Entry term="Created">
            <Time at={vm.created_at} />
            {vm.owner ? ` by ${vm.owner}` : ", found on the host"}
          </Entry>
          {vm.description && (
            <Entry term="Description">
              <span className="sk-preline">{vm.description}</span>
            </Entry>
          )}
        </DescriptionList>
      </CardBody>
      {editing && <EditVmDialog vm={vm} onClose={() => setEditing(false)} />}
    </Card>
  );
}

function VmAddresses({ vm }: { vm: Vm }): React.JSX.Element {
  if (vm.addresses.length > 0) return <AddressList addresses={vm.addresses} />;
  if (vm.state !== "running") return <span className="sk-quiet">known while it runs</span>;
  if (vm.nics.length === 0) return <span className="sk-quiet">it has no network card</span>;
  return <span className="sk-quiet">waiting for the guest to get one</span>;
}

function DirectKernel({ kernel }: { kernel: NonNullable<Vm["direct_kernel"]> }): React.JSX.Element {
  return (
    <>
      <code className="sk-break">{kernel.kernel}</code>
      {kernel.initrd && <div className="sk-quiet sk-break">with {kernel.initrd}</div>}
      {kernel.command_line && <div className="sk-quiet sk-break">{kernel.command_line}</div>}
    </>
  );
}
