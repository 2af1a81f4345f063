import { Checkbox, NumberInput, TextArea, TextInput } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { ApiError } from "../../api/problem";
import type { Vm, VmChanges } from "../../api/types";
import { Field, inputProps } from "../../common/Field";
import { formatBytes } from "../../common/format";
import { FormDialog } from "../../common/FormDialog";
import { nameProblem } from "../../common/names";
import { SizeInput } from "../../common/SizeInput";
import { followTask } from "../../tasks/follow";
import { changeVm } from "../queries";
import { BootOrderField } from "./BootOrderField";
import { fullOrder } from "./bootOrder";

const LEAST_MEMORY = 16 * 1024 ** 2;

/** Changes a machine by form. Only what was changed is sent. */
export function EditVmDialog({ vm, onClose }: { vm: Vm; onClose: () => void }): React.JSX.Element {
  const [name, setName] = useState(vm.name);
  const [title, setTitle] = useState(vm.title);
  const [description, setDescription] = useState(vm.description);
  const [vcpus, setVcpus] = useState(vm.vcpus);
  const [memory, setMemory] = useState(vm.memory);
  const [autostart, setAutostart] = useState(vm.autostart);
  const [order, setOrder] = useState(() => fullOrder(vm.boot_order));
  const [startedWith] = useState(vm);

  const changes = changed(startedWith, {
    name,
    title,
    description,
    vcpus,
    memory,
    autostart,
    boot_order: order.filter((entry) => entry.on).map((entry) => entry.device),
  });
  const save = useMutation({
    mutationFn: () => changeVm(vm.id, changes, startedWith.etag),
    onSuccess: (task) => {
      followTask(task);
      onClose();
    },
  });
  const fields = save.error instanceof ApiError ? save.error.fields : {};
  const wrongName = nameProblem(name) ?? fields.name;
  const wrongMemory = memory >= LEAST_MEMORY ? fields.memory : `At least ${formatBytes(LEAST_MEMORY)}.`;
  const wrongCpus = Number.isInteger(vcpus) && vcpus >= 1 ? fields.vcpus : "A whole number, at least 1.";
  const valid = nameProblem(name) === null && memory >= LEAST_MEMORY && Number.isInteger(vcpus) && vcpus >= 1;
  const waits = vm.state !== "stopped" && ("vcpus" in changes || "memory" in changes || "boot_order" in changes);
  return (
    <FormDialog
      title={`Edit ${startedWith.name}`}
      submitLabel="Save"
      ready={valid && Object.keys(changes).length > 0}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <Field id="edit-name" label="Name" required error={wrongName} help={vm.state === "stopped" ? null : "A machine can be renamed while it is stopped."}>
        <TextInput {...inputProps("edit-name", wrongName)} value={name} isDisabled={vm.state !== "stopped"} onChange={(_event, text) => setName(text)} />
      </Field>
      <Field id="edit-vcpus" label="Virtual CPUs" required error={wrongCpus}>
        <NumberInput
          value={vcpus}
          min={1}
          max={512}
          inputProps={{ id: "edit-vcpus" }}
          inputAriaLabel="Virtual CPUs"
          minusBtnAriaLabel="One CPU less"
          plusBtnAriaLabel="One CPU more"
          onMinus={() => setVcpus(vcpus - 1)}
          onPlus={() => setVcpus(vcpus + 1)}
          onChange={(event) => setVcpus(Number(event.currentTarget.value))}
        />
      </Field>
      <Field id="edit-memory" label="Memory" required error={wrongMemory} help={waits ? "CPUs, memory and boot order change at the next start." : null}>
        <SizeInput id="edit-memory" label="memory" value={memory} error={wrongMemory} onChange={setMemory} />
      </Field>
      <BootOrderField order={order} onChange={setOrder} />
      <Checkbox id="edit-autostart" label="Start it with its host" isChecked={autostart} onChange={(_event, checked) => setAutostart(checked)} />
      <Field id="edit-title" label="Title">
        <TextInput id="edit-title" value={title} maxLength={200} onChange={(_event, text) => setTitle(text)} />
      </Field>
      <Field id="edit-description" label="Description">
        <TextArea id="edit-description" value={description} maxLength={4000} rows={2} resizeOrientation="vertical" onChange={(_event, text) => setDescription(text)} />
      </Field>
    </FormDialog>
  );
}

type Editable = Pick<Vm, "name" | "title" | "description" | "vcpus" | "memory" | "autostart"> & {
  boot_order: NonNullable<VmChanges["boot_order"]>;
};

/** Only what differs. An order that libvirt words otherwise is left alone until it is touched. */
function changed(vm: Vm, wanted: Editable): Partial<VmChanges> {
  const before = fullOrder(vm.boot_order).filter((entry) => entry.on).map((entry) => entry.device);
  const { boot_order: order, ...simple } = wanted;
  const differs = Object.entries(simple).filter(([field, value]) => vm[field as keyof typeof simple] !== value);
  return {
    ...Object.fromEntries(differs),
    ...(order.join() === before.join() ? {} : { boot_order: order }),
  };
}
