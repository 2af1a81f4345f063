import { Checkbox, Radio } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import type { Vm } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { formatBytes, plural } from "../common/format";
import { BulkOutcome, runBulk, type Outcome } from "./bulk";
import { deleteVm } from "./queries";

interface Props {
  vms: readonly Vm[];
  onClose: () => void;
}

/** Asks for the name of a machine, or the number of several, before they are deleted. */
export function DeleteVmsDialog({ vms, onClose }: Props): React.JSX.Element {
  const [keepDisks, setKeepDisks] = useState(false);
  const [force, setForce] = useState(false);
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const running = vms.filter((vm) => !["stopped", "crashed", "saved"].includes(vm.state));
  const what = vms.length === 1 ? (vms[0]?.name ?? "") : plural(vms.length, "machine");
  const remove = useMutation({
    mutationFn: () => runBulk(vms, (vm) => deleteVm(vm.id, { keepDisks, force })),
    onSuccess: (results) => {
      if (results.every((result) => result.error === null)) onClose();
      else setOutcomes(results);
    },
  });
  return (
    <ConfirmDialog
      title={`Delete ${what}?`}
      confirmLabel="Delete"
      typedName={vms.length === 1 ? what : String(vms.length)}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <div className="sk-stack">
        {vms.length > 1 && <p>{vms.map((vm) => vm.name).join(", ")}</p>}
        <Radio
          id="disks-delete"
          name="disks"
          label="Delete the disks too"
          description={describeDisks(vms)}
          isChecked={!keepDisks}
          onChange={() => setKeepDisks(false)}
        />
        <Radio
          id="disks-keep"
          name="disks"
          label="Keep the disks"
          description="They stay in their storage pool: see Storage, where they can be deleted later. They can become images. The first settings (cloud-init) are deleted, as they may hold passwords."
          isChecked={keepDisks}
          onChange={() => setKeepDisks(true)}
        />
        {running.length > 0 && (
          <Checkbox
            id="delete-force"
            label="Power off first"
            description={`${running.map((vm) => vm.name).join(", ")} ${running.length === 1 ? "is" : "are"} not stopped.`}
            isChecked={force}
            onChange={(_event, checked) => setForce(checked)}
          />
        )}
        <BulkOutcome outcomes={outcomes} />
      </div>
    </ConfirmDialog>
  );
}

function describeDisks(vms: readonly Vm[]): string {
  const disks = vms.flatMap((vm) => vm.disks).filter((disk) => disk.device === "disk" && disk.volume);
  if (disks.length === 0) return "There are none.";
  const used = disks.reduce((sum, disk) => sum + (disk.allocation ?? 0), 0);
  return `${plural(disks.length, "disk")}${used > 0 ? `, ${formatBytes(used)}` : ""}. This cannot be taken back.`;
}
