import { Checkbox, TextInput } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { ApiError } from "../api/problem";
import type { Vm } from "../api/types";
import { Field, inputProps } from "../common/Field";
import { FormDialog } from "../common/FormDialog";
import { followTask } from "../tasks/follow";
import { nameProblem } from "../common/names";
import { cloneVm } from "./queries";

/** Makes a second machine from a stopped one. */
export function CloneDialog({ vm, onClose }: { vm: Vm; onClose: () => void }): React.JSX.Element {
  const [name, setName] = useState(`${vm.name}-copy`);
  const [fullCopy, setFullCopy] = useState(false);
  const [start, setStart] = useState(false);
  const navigate = useNavigate();
  const clone = useMutation({
    mutationFn: () => cloneVm(vm.id, { name, full_copy: fullCopy, start }),
    onSuccess: (task) => {
      followTask(task);
      onClose();
      void navigate(`/vms/${task.object.id}`, { state: { task: task.id } });
    },
  });
  const wrong = nameProblem(name) ?? (clone.error instanceof ApiError ? clone.error.fields.name : null);
  return (
    <FormDialog
      title={`Clone ${vm.name}`}
      submitLabel="Clone"
      ready={!nameProblem(name)}
      busy={clone.isPending}
      error={clone.error}
      onSubmit={() => clone.mutate()}
      onClose={onClose}
    >
      <Field id="clone-name" label="Name of the clone" required error={wrong}>
        <TextInput
          {...inputProps("clone-name", wrong)}
          value={name}
          autoFocus
          onChange={(_event, text) => setName(text)}
        />
      </Field>
      <Checkbox
        id="clone-full"
        label="Copy the disks in full"
        description="Takes longer and more space. Otherwise the clone stands on the same image as this machine, and only what this machine wrote is copied."
        isChecked={fullCopy}
        onChange={(_event, checked) => setFullCopy(checked)}
      />
      <Checkbox
        id="clone-start"
        label="Start it afterwards"
        isChecked={start}
        onChange={(_event, checked) => setStart(checked)}
      />
    </FormDialog>
  );
}
