import { Button, PageSection } from "@patternfly/react-core";
import CubesIcon from "@patternfly/react-icons/dist/esm/icons/cubes-icon";
import SearchIcon from "@patternfly/react-icons/dist/esm/icons/search-icon";
import { useDeferredValue, useState } from "react";
import { Link, useSearchParams } from "react-router";

import type { VmFilter } from "../api/filters";
import type { VmState } from "../api/types";
import { Empty } from "../common/Empty";
import { ListView } from "../common/ListView";
import { PageTitle } from "../common/PageTitle";
import { useVms } from "./queries";
import { STATES } from "./states";
import { VmsTable } from "./VmsTable";
import { VmsToolbar } from "./VmsToolbar";

const SORTS: readonly VmFilter["sort"][] = ["name", "created_at", "state", "memory", "vcpus"];

const createButton = (
  <Button variant="primary" component={(props) => <Link {...props} to="/vms/new" />}>
    Create machine
  </Button>
);

/** All virtual machines. */
export function VmsPage(): React.JSX.Element {
  const [filter, setFilter] = useVmFilter();
  const list = useVms({ ...filter, q: useDeferredValue(filter.q) });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = list.items.filter((vm) => selected.has(vm.id));
  return (
    <>
      <PageTitle title="Virtual machines" actions={createButton} />
      <PageSection isFilled>
        <VmsToolbar
          filter={filter}
          onFilter={setFilter}
          selected={chosen}
          onSelect={(vms) => setSelected(new Set(vms.map((vm) => vm.id)))}
        />
        <ListView list={list} what="machines" empty={<NoVms filter={filter} onFilter={setFilter} />}>
          <VmsTable
            vms={list.items}
            filter={filter}
            onFilter={setFilter}
            selected={selected}
            onSelected={setSelected}
          />
        </ListView>
      </PageSection>
    </>
  );
}

interface NoVmsProps {
  filter: VmFilter;
  onFilter: (filter: VmFilter) => void;
}

function NoVms({ filter, onFilter }: NoVmsProps): React.JSX.Element {
  if (filter.q || filter.state) {
    return (
      <Empty
        title="No machine matches"
        icon={SearchIcon}
        actions={
          <Button variant="link" onClick={() => onFilter({ ...filter, q: "", state: null })}>
            Show all machines
          </Button>
        }
      >
        Try a shorter name or another state.
      </Empty>
    );
  }
  return (
    <Empty title="No virtual machines yet" icon={CubesIcon} actions={createButton}>
      Create the first one from a template, an empty disk or an ISO image. Machines that are made with virsh or
      virt-manager appear here by themselves.
    </Empty>
  );
}

/** The filter lives in the address, so that going back and sharing a link keep it. */
function useVmFilter(): [VmFilter, (filter: VmFilter) => void] {
  const [params, setParams] = useSearchParams();
  const state = params.get("state");
  const sort = SORTS.find((word) => word === params.get("sort")) ?? "name";
  const filter: VmFilter = {
    q: params.get("q") ?? "",
    state: state !== null && state in STATES ? (state as VmState) : null,
    sort,
    descending: params.get("descending") === "true",
  };
  const change = (next: VmFilter): void =>
    setParams(
      {
        ...(next.q ? { q: next.q } : {}),
        ...(next.state ? { state: next.state } : {}),
        ...(next.sort !== "name" ? { sort: next.sort } : {}),
        ...(next.descending ? { descending: "true" } : {}),
      },
      { replace: true },
    );
  return [filter, change];
}
