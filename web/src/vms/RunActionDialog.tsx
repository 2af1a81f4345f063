import { useMutation } from "@tanstack/react-query";

import type { Vm, VmAction } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { followTask } from "../tasks/follow";
import { actOnVm } from "./queries";
import { ACTIONS } from "./states";

interface Props {
  vm: Vm;
  action: VmAction;
  onClose: () => void;
}

/** Asks before something is done to a guest that it cannot defend itself against. */
export function RunActionDialog({ vm, action, onClose }: Props): React.JSX.Element {
  const { label, asks } = ACTIONS[action];
  const act = useMutation({ mutationFn: () => actOnVm(vm.id, action), onSuccess: (task) => {
    followTask(task);
    onClose();
  } });
  return (
    <ConfirmDialog
      title={`${label} ${vm.name}?`}
      confirmLabel={label}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate()}
      onClose={onClose}
    >
      {asks}
    </ConfirmDialog>
  );
}
