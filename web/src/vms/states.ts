/** The words and icons of machine states and actions. */

import type { LabelProps } from "@patternfly/react-core";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import InProgressIcon from "@patternfly/react-icons/dist/esm/icons/in-progress-icon";
import MoonIcon from "@patternfly/react-icons/dist/esm/icons/moon-icon";
import OffIcon from "@patternfly/react-icons/dist/esm/icons/off-icon";
import PauseIcon from "@patternfly/react-icons/dist/esm/icons/pause-icon";
import PlayIcon from "@patternfly/react-icons/dist/esm/icons/play-icon";
import SaveIcon from "@patternfly/react-icons/dist/esm/icons/save-icon";
import UnpluggedIcon from "@patternfly/react-icons/dist/esm/icons/unplugged-icon";

import type { Vm, VmAction, VmState } from "../api/types";

interface Look {
  label: string;
  icon: React.ComponentType;
  color: NonNullable<LabelProps["color"]>;
}

export const STATES: Readonly<Record<VmState, Look>> = {
  running: { label: "Running", icon: PlayIcon, color: "green" },
  paused: { label: "Paused", icon: PauseIcon, color: "yellow" },
  stopping: { label: "Shutting down", icon: InProgressIcon, color: "blue" },
  stopped: { label: "Stopped", icon: OffIcon, color: "grey" },
  saved: { label: "Saved", icon: SaveIcon, color: "purple" },
  suspended: { label: "Suspended", icon: MoonIcon, color: "purple" },
  crashed: { label: "Crashed", icon: ExclamationCircleIcon, color: "red" },
  creating: { label: "Creating", icon: InProgressIcon, color: "blue" },
  unreachable: { label: "Unreachable", icon: UnpluggedIcon, color: "orange" },
};

/** `Start` etc., in the order in which they are offered. */
export const ACTIONS: Readonly<Record<VmAction, { label: string; asks: string | null }>> = {
  start: { label: "Start", asks: null },
  resume: { label: "Resume", asks: null },
  restore: { label: "Restore", asks: null },
  shutdown: { label: "Shut down", asks: null },
  reboot: { label: "Reboot", asks: null },
  pause: { label: "Pause", asks: null },
  save: { label: "Save to disk", asks: null },
  reset: {
    label: "Reset",
    asks: "This presses the reset button: the guest is not asked, and what it has not written is lost.",
  },
  poweroff: {
    label: "Power off",
    asks: "This pulls the plug: the guest is not asked, and what it has not written is lost.",
  },
};

const ORDER = Object.keys(ACTIONS) as VmAction[];

/** The run actions that are valid now, in their order. */
export function actionsOf(vm: Pick<Vm, "actions">): VmAction[] {
  return ORDER.filter((action) => vm.actions.includes(action));
}

/** Whether queued tasks will bring it into another state. */
export function isChanging(vm: Pick<Vm, "state" | "pending_state" | "queued_tasks">): boolean {
  return vm.pending_state !== vm.state || vm.queued_tasks > 0;
}
