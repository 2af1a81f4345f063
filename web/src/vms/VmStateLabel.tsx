import { Label, Spinner } from "@patternfly/react-core";

import type { Vm } from "../api/types";
import { isChanging, STATES } from "./states";

/** The state of a machine as icon and word, and where it is going. */
export function VmStateLabel({ vm }: { vm: Pick<Vm, "state" | "pending_state" | "queued_tasks"> }): React.JSX.Element {
  const { label, icon: Icon, color } = STATES[vm.state];
  const next = vm.pending_state === vm.state ? "task pending" : STATES[vm.pending_state].label.toLowerCase();
  return (
    <span className="sk-state">
      <Label color={color} icon={<Icon />} isCompact>
        {label}
      </Label>
      {isChanging(vm) && (
        <span className="sk-pending">
          <Spinner size="sm" aria-hidden="true" /> {vm.pending_state === vm.state ? next : `→ ${next}`}
        </span>
      )}
    </span>
  );
}
