import { Checkbox } from "@patternfly/react-core";
import { SortByDirection, Table, Tbody, Td, Th, Thead, Tr, type ThProps } from "@patternfly/react-table";
import { memo, useCallback, type Dispatch, type SetStateAction } from "react";
import { Link } from "react-router";

import type { VmFilter } from "../api/filters";
import type { Vm } from "../api/types";
import { Addresses } from "./Addresses";
import { CpuUsage, MemoryUsage } from "./Usage";
import { VmActionsMenu } from "./VmActionsMenu";
import { VmStateLabel } from "./VmStateLabel";

interface Props {
  vms: readonly Vm[];
  filter: VmFilter;
  onFilter: (filter: VmFilter) => void;
  selected: ReadonlySet<string>;
  onSelected: Dispatch<SetStateAction<ReadonlySet<string>>>;
}

const CHECK = "pf-v6-c-table__check";
const SORTABLE: readonly VmFilter["sort"][] = ["name", "state", "vcpus", "memory"];

/** Machines as rows; on a phone as cards. */
export function VmsTable({ vms, filter, onFilter, selected, onSelected }: Props): React.JSX.Element {
  const sortOf = (word: VmFilter["sort"]): ThProps["sort"] => ({
    columnIndex: SORTABLE.indexOf(word),
    sortBy: { index: SORTABLE.indexOf(filter.sort), direction: filter.descending ? "desc" : "asc" },
    onSort: (_event, _index, direction) => onFilter({ ...filter, sort: word, descending: direction === SortByDirection.desc }),
  });
  const choose = useCallback(
    (ids: readonly string[], on: boolean) =>
      onSelected((before) => new Set(on ? [...before, ...ids] : [...before].filter((id) => !ids.includes(id)))),
    [onSelected],
  );
  const all = vms.every((vm) => selected.has(vm.id));
  const some = vms.some((vm) => selected.has(vm.id));
  return (
    <Table variant="compact" aria-label="Virtual machines" className="sk-vms" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th className={CHECK} aria-label="Choose">
            <Checkbox
              id="choose-all"
              aria-label="Choose all"
              isChecked={all || (some && null)}
              onChange={(_event, on) => choose(vms.map((vm) => vm.id), on)}
            />
          </Th>
          <Th width={25} sort={sortOf("name")}>Name</Th>
          <Th width={15} sort={sortOf("state")}>State</Th>
          <Th width={10}>Host</Th>
          <Th width={15} sort={sortOf("vcpus")}>CPU</Th>
          <Th width={15} sort={sortOf("memory")}>Memory</Th>
          <Th width={20}>IP addresses</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {vms.map((vm) => (
          <Row key={vm.id} vm={vm} isSelected={selected.has(vm.id)} onSelect={choose} />
        ))}
      </Tbody>
    </Table>
  );
}

interface RowProps {
  vm: Vm;
  isSelected: boolean;
  onSelect: (ids: readonly string[], on: boolean) => void;
}

const Row = memo(function Row({ vm, isSelected, onSelect }: RowProps): React.JSX.Element {
  return (
    <Tr isRowSelected={isSelected}>
      <Td className={CHECK}>
        <Checkbox
          id={`choose-${vm.id}`}
          aria-label={`Choose ${vm.name}`}
          isChecked={isSelected}
          onChange={(_event, on) => onSelect([vm.id], on)}
        />
      </Td>
      <Td dataLabel="Name" className="sk-vm-name">
        <Link to={`/vms/${vm.id}`}>{vm.name}</Link>
        {vm.title && <div className="sk-quiet">{vm.title}</div>}
      </Td>
      <Td dataLabel="State">
        <VmStateLabel vm={vm} />
      </Td>
      <Td dataLabel="Host">{vm.host}</Td>
      <Td dataLabel="CPU">
        <CpuUsage vm={vm} />
      </Td>
      <Td dataLabel="Memory">
        <MemoryUsage vm={vm} />
      </Td>
      <Td dataLabel="IP addresses">
        <Addresses vm={vm} />
      </Td>
      <Td isActionCell>
        <VmActionsMenu vm={vm} inRow />
      </Td>
    </Tr>
  );
});
