import { Radio } from "@patternfly/react-core";
import { useMutation, type UseMutationResult } from "@tanstack/react-query";
import { useState } from "react";

import type { Disk, Task, Vm } from "../../api/types";
import { ConfirmDialog } from "../../common/ConfirmDialog";
import { Field } from "../../common/Field";
import { formatBytes, GIB } from "../../common/format";
import { FormDialog } from "../../common/FormDialog";
import { SizeInput } from "../../common/SizeInput";
import { useReadyImages } from "../../images/useReadyImages";
import { followTask } from "../../tasks/follow";
import { changeMedia, removeDisk, resizeDisk } from "../queries";

interface Props {
  vm: Vm;
  disk: Disk;
  onClose: () => void;
}

/** A request that begins a task; the dialog closes when it was accepted. */
export function useTaskRequest(request: () => Promise<Task>, onClose: () => void): UseMutationResult<Task, Error, void> {
  return useMutation({
    mutationFn: request,
    onSuccess: (task) => {
      followTask(task);
      onClose();
    },
  });
}

/** Disks only grow: what is beyond the end of a shrunk one would be lost. */
export function ResizeDiskDialog({ vm, disk, onClose }: Props): React.JSX.Element {
  const now = disk.size ?? 0;
  const [size, setSize] = useState(now + 10 * GIB);
  const resize = useTaskRequest(() => resizeDisk(vm.id, disk.target, size), onClose);
  const wrong = size > now ? null : `More than the ${formatBytes(now)} that it has.`;
  return (
    <FormDialog
      title={`Make ${disk.target} of ${vm.name} larger`}
      submitLabel="Make larger"
      ready={!wrong}
      busy={resize.isPending}
      error={resize.error}
      onSubmit={() => resize.mutate()}
      onClose={onClose}
    >
      <Field id="disk-size" label="New size" required error={wrong} help="The guest still has to grow its partition and file system; cloud-init does that at the next boot.">
        <SizeInput id="disk-size" label="disk" value={size} error={wrong} onChange={setSize} />
      </Field>
    </FormDialog>
  );
}

/** Takes a disk out, and leaves or deletes its volume. */
export function DetachDiskDialog({ vm, disk, onClose }: Props): React.JSX.Element {
  const [deletes, setDeletes] = useState(false);
  const detach = useTaskRequest(() => removeDisk(vm.id, disk.target, deletes), onClose);
  const hasVolume = disk.device === "disk" && Boolean(disk.volume);
  return (
    <ConfirmDialog
      title={`Take ${disk.target} out of ${vm.name}?`}
      confirmLabel={deletes ? "Take out and delete" : "Take out"}
      {...(deletes ? { typedName: disk.target } : {})}
      busy={detach.isPending}
      error={detach.error}
      onConfirm={() => detach.mutate()}
      onClose={onClose}
    >
      {hasVolume ? (
        <div className="sk-stack">
          <Radio id="volume-keep" name="volume" label="Keep the volume" description={disk.source ?? ""} isChecked={!deletes} onChange={() => setDeletes(false)} />
          <Radio id="volume-delete" name="volume" label="Delete the volume" description="This cannot be taken back." isChecked={deletes} onChange={() => setDeletes(true)} />
        </div>
      ) : (
        disk.volume?.endsWith("-seed")
          ? "It holds the first settings of the guest (cloud-init), which are deleted with it."
          : "What is in it stays where it is."
      )}
    </ConfirmDialog>
  );
}

/** Puts a CD in, or takes it out. */
export function MediaDialog({ vm, disk, onClose }: Props): React.JSX.Element {
  const isos = useReadyImages().items.filter((image) => image.kind === "iso");
  const [image, setImage] = useState("");
  const change = useTaskRequest(() => changeMedia(vm.id, disk.target, image || null), onClose);
  return (
    <FormDialog
      title={`Change the CD in ${disk.target} of ${vm.name}`}
      submitLabel={image ? "Insert" : "Eject"}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate()}
      onClose={onClose}
    >
      <Field id="media" label="CD" help={isos.length === 0 ? "There is no ISO image yet; import one under Images." : null}>
        <select id="media" className="sk-select" value={image} onChange={(event) => setImage(event.currentTarget.value)}>
          <option value="">none, leave the drive empty</option>
          {isos.map((iso) => (
            <option key={iso.id} value={iso.id}>
              {iso.name}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}
