import { SearchInput, Toolbar, ToolbarContent, ToolbarGroup, ToolbarItem } from "@patternfly/react-core";

import type { VmFilter } from "../api/filters";
import type { Vm, VmState } from "../api/types";
import { BulkActions } from "./BulkActions";
import { STATES } from "./states";

interface Props {
  filter: VmFilter;
  onFilter: (filter: VmFilter) => void;
  selected: readonly Vm[];
  onSelect: (vms: readonly Vm[]) => void;
}

const SORTS: readonly [string, string][] = [
  ["name", "Name"],
  ["state", "State"],
  ["vcpus", "CPUs"],
  ["memory", "Memory"],
  ["created_at", "Age"],
];

/** Search and filter; with machines chosen, what can be done with all of them. */
export function VmsToolbar({ filter, onFilter, selected, onSelect }: Props): React.JSX.Element {
  return (
    <Toolbar className="sk-toolbar">
      <ToolbarContent>
        <ToolbarGroup variant="filter-group">
          <ToolbarItem>
            <SearchInput
              aria-label="Search by name"
              placeholder="Search by name"
              value={filter.q}
              onChange={(_event, q) => onFilter({ ...filter, q })}
              onClear={() => onFilter({ ...filter, q: "" })}
            />
          </ToolbarItem>
          <ToolbarItem>
            <select
              className="sk-select"
              aria-label="Show state"
              value={filter.state ?? ""}
              onChange={(event) =>
                onFilter({ ...filter, state: (event.currentTarget.value || null) as VmState | null })
              }
            >
              <option value="">All states</option>
              {Object.entries(STATES).map(([state, { label }]) => (
                <option key={state} value={state}>
                  {label}
                </option>
              ))}
            </select>
          </ToolbarItem>
          <ToolbarItem className="sk-narrow-only">
            <select
              className="sk-select"
              aria-label="Sort by"
              value={`${filter.sort} ${filter.descending}`}
              onChange={(event) => {
                const [sort, descending] = event.currentTarget.value.split(" ");
                onFilter({ ...filter, sort: sort as VmFilter["sort"], descending: descending === "true" });
              }}
            >
              {SORTS.flatMap(([word, label]) => [
                <option key={word} value={`${word} false`}>{`${label} ↑`}</option>,
                <option key={`${word}-`} value={`${word} true`}>{`${label} ↓`}</option>,
              ])}
            </select>
          </ToolbarItem>
        </ToolbarGroup>
        {selected.length > 0 && <BulkActions vms={selected} onDone={onSelect} />}
      </ToolbarContent>
    </Toolbar>
  );
}
