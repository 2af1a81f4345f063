import { Button, Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useState } from "react";

import type { Nic, Vm } from "../../api/types";
import { ConfirmDialog } from "../../common/ConfirmDialog";
import { Empty } from "../../common/Empty";
import { ErrorNotice } from "../../common/ErrorNotice";
import { Field } from "../../common/Field";
import { FormDialog } from "../../common/FormDialog";
import { RowMenu } from "../../common/RowMenu";
import { useNetworks } from "../../hosts/queries";
import { AddressList } from "../Addresses";
import { NetworkOptions } from "../create/SimpleFields";
import { addNic, removeNic } from "../queries";
import { useTaskRequest } from "./DiskDialogs";

const MODELS = ["virtio", "e1000e", "rtl8139"] as const;

/** Network cards of a machine. */
export function NicsTab({ vm }: { vm: Vm }): React.JSX.Element {
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Nic | null>(null);
  const canEdit = vm.actions.includes("edit");
  const add = (
    <Button variant="secondary" isDisabled={!canEdit} onClick={() => setAdding(true)}>
      Add network card
    </Button>
  );
  return (
    <Card>
      <CardHeader actions={{ actions: add }}>
        <CardTitle component="h2">Network cards</CardTitle>
      </CardHeader>
      <CardBody>
        {vm.nics.length === 0 ? (
          <Empty title="No network cards">Add one to reach the machine over a network.</Empty>
        ) : (
          <Table variant="compact" borders={false} aria-label={`Network cards of ${vm.name}`} gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>MAC address</Th>
                <Th modifier="nowrap">Plugged into</Th>
                <Th>Model</Th>
                <Th width={40}>IP addresses</Th>
                <Th screenReaderText="Actions" />
              </Tr>
            </Thead>
            <Tbody>
              {vm.nics.map((nic) => (
                <Tr key={nic.mac}>
                  <Td dataLabel="MAC address">
                    <code>{nic.mac}</code>
                  </Td>
                  <Td dataLabel="Plugged into">
                    {nic.network ?? nic.kind}
                    {!nic.link_up && <span className="sk-quiet"> (link is down)</span>}
                  </Td>
                  <Td dataLabel="Model">{nic.model ?? "–"}</Td>
                  <Td dataLabel="IP addresses">
                    <AddressList addresses={vm.addresses.filter((address) => address.mac === nic.mac)} />
                  </Td>
                  <Td isActionCell>
                    {canEdit && (
                      <RowMenu
                        name={nic.mac}
                        actions={[{ label: "Remove", isDanger: true, onClick: () => setRemoving(nic) }]}
                      />
                    )}
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </CardBody>
      {adding && <AddNicDialog vm={vm} onClose={() => setAdding(false)} />}
      {removing && <RemoveNicDialog vm={vm} nic={removing} onClose={() => setRemoving(null)} />}
    </Card>
  );
}

function AddNicDialog({ vm, onClose }: { vm: Vm; onClose: () => void }): React.JSX.Element {
  const networks = useNetworks();
  const [network, setNetwork] = useState("network:default");
  const [model, setModel] = useState<(typeof MODELS)[number]>("virtio");
  const add = useTaskRequest(() => {
    const colon = network.indexOf(":");
    const kind = network.slice(0, colon) as "network" | "bridge" | "user";
    return addNic(vm.id, { kind, network: network.slice(colon + 1), mac: null, model });
  }, onClose);
  return (
    <FormDialog
      title={`Add a network card to ${vm.name}`}
      submitLabel="Add"
      ready={networks.isSuccess}
      busy={add.isPending}
      error={add.error}
      onSubmit={() => add.mutate()}
      onClose={onClose}
    >
      <ErrorNotice error={networks.error} />
      <Field id="nic-network" label="Plugged into" required>
        <select id="nic-network" className="sk-select" value={network} onChange={(event) => setNetwork(event.currentTarget.value)}>
          <NetworkOptions networks={networks.data?.items ?? []} />
        </select>
      </Field>
      <Field id="nic-model" label="Model" help="virtio is the fastest; the others are for guests that do not know it.">
        <select id="nic-model" className="sk-select" value={model} onChange={(event) => setModel(event.currentTarget.value as typeof model)}>
          {MODELS.map((word) => (
            <option key={word}>{word}</option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}

function RemoveNicDialog({ vm, nic, onClose }: { vm: Vm; nic: Nic; onClose: () => void }): React.JSX.Element {
  const remove = useTaskRequest(() => removeNic(vm.id, nic.mac), onClose);
  return (
    <ConfirmDialog
      title={`Remove ${nic.mac} from ${vm.name}?`}
      confirmLabel="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      The machine loses its connection to {nic.network ?? nic.kind}.
    </ConfirmDialog>
  );
}
