import { Button } from "@patternfly/react-core";

import type { Vm, VmAction } from "../../api/types";
import { ask } from "../../tasks/follow";
import { actOnVm } from "../queries";
import { ACTIONS } from "../states";

const LIKELY: readonly VmAction[] = ["start", "restore", "resume", "shutdown"];

/** The one action that is most likely wanted now. */
export function QuickAction({ vm }: { vm: Vm }): React.JSX.Element | null {
  const action = LIKELY.find((one) => vm.actions.includes(one));
  if (!action) return null;
  const { label } = ACTIONS[action];
  return (
    <Button
      variant={action === "shutdown" ? "secondary" : "primary"}
      onClick={() => void ask(`${label.toLowerCase()} ${vm.name}`, () => actOnVm(vm.id, action))}
    >
      {label}
    </Button>
  );
}
