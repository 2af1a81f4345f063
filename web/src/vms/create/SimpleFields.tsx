import { Grid, GridItem, NumberInput, TextInput } from "@patternfly/react-core";

import type { HostInfo, Network } from "../../api/types";
import { Field, inputProps } from "../../common/Field";
import { SizeInput } from "../../common/SizeInput";
import { forwardText } from "../../hosts/NetworksCard";
import type { FieldsProps } from "./NewVmForm";

export function NameField({ draft, problems, change }: FieldsProps): React.JSX.Element {
  return (
    <Field id="name" label="Name" required error={problems.name} help="Letters, digits, points, hyphens, underscores.">
      <TextInput
        {...inputProps("name", problems.name)}
        value={draft.name}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        onChange={(_event, name) => change({ name })}
      />
    </Field>
  );
}

/** Processors, memory, disk. */
export function SizeFields({ draft, problems, change, hosts }: FieldsProps & { hosts: readonly HostInfo[] }): React.JSX.Element {
  const most = Math.max(0, ...hosts.map((host) => host.facts?.cpus ?? 0));
  const many = most > 0 && draft.vcpus > most ? `More than the ${most} CPUs of a host: this is slow.` : null;
  return (
    <Grid hasGutter>
      <GridItem sm={12} md={4}>
        <Field id="vcpus" label="Virtual CPUs" required error={problems.vcpus} help={many}>
          <NumberInput
            value={draft.vcpus}
            min={1}
            max={512}
            inputProps={{ id: "vcpus", "aria-describedby": "vcpus-help" }}
            inputAriaLabel="Virtual CPUs"
            minusBtnAriaLabel="One CPU less"
            plusBtnAriaLabel="One CPU more"
            onMinus={() => change({ vcpus: draft.vcpus - 1 })}
            onPlus={() => change({ vcpus: draft.vcpus + 1 })}
            onChange={(event) => change({ vcpus: Number(event.currentTarget.value) })}
          />
        </Field>
      </GridItem>
      <GridItem sm={12} md={4}>
        <Field id="memory" label="Memory" required error={problems.memory}>
          <SizeInput id="memory" label="memory" value={draft.memory} error={problems.memory} onChange={(memory) => change({ memory })} />
        </Field>
      </GridItem>
      <GridItem sm={12} md={4}>
        <Field id="diskSize" label="Disk" required error={problems.diskSize}>
          <SizeInput id="diskSize" label="disk" value={draft.diskSize} error={problems.diskSize} onChange={(diskSize) => change({ diskSize })} />
        </Field>
      </GridItem>
    </Grid>
  );
}

export function NetworkField({ draft, problems, change, networks }: FieldsProps & { networks: readonly Network[] }): React.JSX.Element {
  return (
    <Field id="network" label="Plugged into" error={problems.network}>
      <select id="network" className="sk-select" value={draft.network} aria-describedby="network-help" onChange={(event) => change({ network: event.currentTarget.value })}>
        <NetworkOptions networks={networks} />
        <option value="none">no network</option>
      </select>
    </Field>
  );
}

/** What a network card can be plugged into, as options of a select; the values are `kind:name`. */
export function NetworkOptions({ networks }: { networks: readonly Network[] }): React.JSX.Element {
  return (
    <>
      {networks.map((network) => (
        <option key={`${network.kind}:${network.name}`} value={`${network.kind}:${network.name}`}>
          {network.name} ({[forwardText(network), network.active ? "" : "not active"].filter(Boolean).join(", ")})
        </option>
      ))}
      <option value="user:default">user networking (out only, no address of its own)</option>
    </>
  );
}
