import { Radio } from "@patternfly/react-core";
import { useState } from "react";

import type { NewVmDisk, Vm } from "../../api/types";
import { Field } from "../../common/Field";
import { formatBytes, GIB, MIB } from "../../common/format";
import { FormDialog } from "../../common/FormDialog";
import { SizeInput } from "../../common/SizeInput";
import { useReadyImages } from "../../images/useReadyImages";
import { addDisk } from "../queries";
import { useTaskRequest } from "./DiskDialogs";

type Kind = NewVmDisk["kind"];

const KINDS: readonly [Kind, string][] = [
  ["empty", "Empty disk"],
  ["image", "Disk from a template"],
  ["cdrom", "CD drive"],
];

/** Adds a disk or a CD drive. */
export function AddDiskDialog({ vm, onClose }: { vm: Vm; onClose: () => void }): React.JSX.Element {
  const images = useReadyImages().items;
  const [kind, setKind] = useState<Kind>("empty");
  const [size, setSize] = useState(10 * GIB);
  const [template, setTemplate] = useState("");
  const [iso, setIso] = useState("");
  const add = useTaskRequest(() => addDisk(vm.id, diskOf(kind, size, template, iso)), onClose);
  const runs = !["stopped", "crashed", "saved"].includes(vm.state);
  const wrong = kind === "empty" && !(size >= MIB) ? `At least ${formatBytes(MIB)}.` : null;
  return (
    <FormDialog
      title={`Add to ${vm.name}`}
      submitLabel="Add"
      ready={!wrong && (kind !== "image" || template !== "")}
      busy={add.isPending}
      error={add.error}
      onSubmit={() => add.mutate()}
      onClose={onClose}
    >
      <div role="radiogroup" aria-label="What to add" className="sk-row">
        {KINDS.map(([value, label]) => (
          <Radio key={value} id={`add-${value}`} name="add-kind" label={label} isChecked={kind === value} onChange={() => setKind(value)} />
        ))}
      </div>
      {kind === "empty" && (
        <Field id="add-size" label="Size" required error={wrong}>
          <SizeInput id="add-size" label="disk" value={size} error={wrong} onChange={setSize} />
        </Field>
      )}
      {kind === "image" && (
        <Field id="add-template" label="Template" required>
          <select id="add-template" className="sk-select" value={template} onChange={(event) => setTemplate(event.currentTarget.value)}>
            <option value="">Choose one</option>
            {images.filter((image) => image.kind === "template").map((image) => (
              <option key={image.id} value={image.id}>
                {image.name} ({formatBytes(image.size)})
              </option>
            ))}
          </select>
        </Field>
      )}
      {kind === "cdrom" && (
        <Field
          id="add-iso"
          label="CD"
          help={runs ? "A running machine gets the new drive when it was shut down and started again. In a drive that is there, CDs can be changed at any time." : null}
        >
          <select id="add-iso" className="sk-select" value={iso} onChange={(event) => setIso(event.currentTarget.value)}>
            <option value="">none, leave the drive empty</option>
            {images.filter((image) => image.kind === "iso").map((image) => (
              <option key={image.id} value={image.id}>
                {image.name}
              </option>
            ))}
          </select>
        </Field>
      )}
    </FormDialog>
  );
}

function diskOf(kind: Kind, size: number, template: string, iso: string): NewVmDisk {
  switch (kind) {
    case "empty":
      return { kind, size };
    case "image":
      return { kind, image: template, size: null, full_copy: false };
    case "cdrom":
      return { kind, image: iso || null };
  }
}
