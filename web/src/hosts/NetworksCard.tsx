import { Card, CardBody, CardTitle, Label } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import type { Network } from "../api/types";

/** How guests of a network reach the outside. */
export function forwardText(network: Network): string {
  if (network.kind === "bridge") return "bridge of the host";
  if (network.forward === null) return "isolated";
  if (network.forward === "user") return "outwards alone, as the user";
  return network.forward === "nat" ? "NAT" : network.forward;
}

/** What machines can be plugged into. */
export function NetworksCard({ networks }: { networks: readonly Network[] }): React.JSX.Element {
  return (
    <Card>
      <CardTitle>Networks</CardTitle>
      <CardBody>
        {networks.length === 0 && (
          <p className="sk-quiet">
            There are none. Machines can still use user networking, or make one with <code>virsh net-define</code>.
          </p>
        )}
        {networks.length > 0 && (
          <Table variant="compact" borders={false} aria-label="Networks" gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>Name</Th>
                <Th>State</Th>
                <Th>Outside</Th>
                <Th>Addresses</Th>
                <Th>DHCP</Th>
                <Th>Bridge</Th>
              </Tr>
            </Thead>
            <Tbody>
              {networks.map((network) => (
                <Tr key={`${network.kind} ${network.name}`}>
                  <Td dataLabel="Name">{network.name}</Td>
                  <Td dataLabel="State">
                    <Label isCompact color={network.active ? "green" : "grey"}>
                      {network.active ? "Active" : "Inactive"}
                    </Label>
                  </Td>
                  <Td dataLabel="Outside">{forwardText(network)}</Td>
                  <Td dataLabel="Addresses">{network.addresses.join(", ") || "–"}</Td>
                  <Td dataLabel="DHCP">{network.dhcp ? "yes" : "no"}</Td>
                  <Td dataLabel="Bridge">{network.bridge ?? "–"}</Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </CardBody>
    </Card>
  );
}
