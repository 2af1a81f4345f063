import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { useState } from "react";
import { useNavigate } from "react-router";

import type { Vm, VmAction } from "../api/types";
import { ask } from "../tasks/follow";
import { CloneDialog } from "./CloneDialog";
import { DeleteVmsDialog } from "./DeleteVmsDialog";
import { actOnVm } from "./queries";
import { RunActionDialog } from "./RunActionDialog";
import { ACTIONS, actionsOf } from "./states";

type Dialog = { kind: "act"; action: VmAction } | { kind: "clone" } | { kind: "delete" } | null;

/** What can be done with a machine now; nothing else is offered. */
export function VmActionsMenu({ vm, inRow = false }: { vm: Vm; inRow?: boolean }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const [dialog, setDialog] = useState<Dialog>(null);
  const navigate = useNavigate();
  const actions = actionsOf(vm);
  const [canOpen, canClone, canDelete] = (["console", "clone", "delete"] as const).map((word) =>
    vm.actions.includes(word),
  );
  const close = (): void => setDialog(null);

  const choose = (action: VmAction): void => {
    if (ACTIONS[action].asks) setDialog({ kind: "act", action });
    else void ask(`${ACTIONS[action].label.toLowerCase()} ${vm.name}`, () => actOnVm(vm.id, action));
  };
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: "right" }}
        toggle={(ref) => (
          <MenuToggle
            ref={ref}
            variant={inRow ? "plain" : "default"}
            isExpanded={open}
            isDisabled={vm.actions.length === 0}
            onClick={() => setOpen(!open)}
            aria-label={`Actions for ${vm.name}`}
            {...(inRow ? { icon: <EllipsisVIcon /> } : {})}
          >
            {inRow ? null : "Actions"}
          </MenuToggle>
        )}
      >
        <DropdownList>
          {actions.map((action) => (
            <DropdownItem key={action} isDanger={ACTIONS[action].asks !== null} onClick={() => choose(action)}>
              {ACTIONS[action].label}
            </DropdownItem>
          ))}
          {canOpen && inRow && (
            <DropdownItem onClick={() => void navigate(`/vms/${vm.id}/console`)}>Open console</DropdownItem>
          )}
          {canClone && <DropdownItem onClick={() => setDialog({ kind: "clone" })}>Clone</DropdownItem>}
          {canDelete && <Divider component="li" />}
          {canDelete && (
            <DropdownItem isDanger onClick={() => setDialog({ kind: "delete" })}>
              Delete
            </DropdownItem>
          )}
        </DropdownList>
      </Dropdown>
      {dialog?.kind === "act" && <RunActionDialog vm={vm} action={dialog.action} onClose={close} />}
      {dialog?.kind === "clone" && <CloneDialog vm={vm} onClose={close} />}
      {dialog?.kind === "delete" && <DeleteVmsDialog vms={[vm]} onClose={close} />}
    </>
  );
}
