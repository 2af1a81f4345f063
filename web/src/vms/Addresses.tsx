import { Popover } from "@patternfly/react-core";

import type { Address, Vm } from "../api/types";

const SOURCES = { lease: "DHCP lease", agent: "guest agent" } as const;

/** IPv4 first; what is only good on the local link last. */
export function sortAddresses(addresses: readonly Address[]): Address[] {
  return [...addresses].sort((a, b) => rank(a) - rank(b));
}

/** Each address once; the agent's word also tells the interface. */
export function distinctAddresses(addresses: readonly Address[]): Address[] {
  const byAddress = new Map<string, Address>();
  for (const address of addresses) {
    if (address.source === "agent" || !byAddress.has(address.address)) byAddress.set(address.address, address);
  }
  return sortAddresses([...byAddress.values()]);
}

function rank(address: Address): number {
  if (address.address.startsWith("fe80:")) return 2;
  return address.family === "ipv4" ? 0 : 1;
}

/** The first address, and the others on demand. */
export function Addresses({ vm }: { vm: Pick<Vm, "addresses" | "name"> }): React.JSX.Element {
  const [first, ...others] = distinctAddresses(vm.addresses);
  if (!first) return <span className="sk-quiet">–</span>;
  return (
    <span className="sk-addresses">
      <span>{first.address}</span>
      {others.length > 0 && (
        <Popover headerContent={`Addresses of ${vm.name}`} bodyContent={<AddressList addresses={vm.addresses} />}>
          <button type="button" className="sk-more-addresses" aria-label={`${others.length} more addresses`}>
            +{others.length}
          </button>
        </Popover>
      )}
    </span>
  );
}

/** All of them, and who told them. */
export function AddressList({ addresses }: { addresses: readonly Address[] }): React.JSX.Element {
  return (
    <ul className="sk-plain-list">
      {distinctAddresses(addresses).map((address) => (
        <li key={address.address}>
          <code>{address.address}</code>{" "}
          <span className="sk-quiet">
            {[address.interface, SOURCES[address.source]].filter(Boolean).join(" · ")}
          </span>
        </li>
      ))}
    </ul>
  );
}
