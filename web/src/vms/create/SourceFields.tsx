import { Checkbox, Radio } from "@patternfly/react-core";
import { Link } from "react-router";

import type { GuestOs, Image } from "../../api/types";
import { Field } from "../../common/Field";
import { formatBytes, GIB } from "../../common/format";
import type { Draft, Source } from "./draft";
import { GuestOsFields, namesOf } from "./GuestOsFields";
import type { FieldsProps } from "./NewVmForm";

const SOURCES: readonly [Source, string, string][] = [
  ["template", "Template", "A ready disk. Starts within seconds."],
  ["iso", "ISO image", "An empty disk, and an installer in the CD drive."],
  ["definition", "Guest OS definition", "An empty disk that a definition on the host installs."],
  ["empty", "Empty disk", "For booting from the network, or for later."],
];

interface Props extends FieldsProps {
  images: readonly Image[];
  guestOses: readonly GuestOs[];
}

/** What is on the disk at first. */
export function SourceFields({ draft, problems, change, images, guestOses }: Props): React.JSX.Element {
  const sources = SOURCES.filter(([source]) => source !== "definition" || namesOf(guestOses).length > 0);
  const templates = images.filter((image) => image.kind === "template");
  const isos = images.filter((image) => image.kind === "iso");
  const chooseTemplate = (id: string): void => {
    const least = Math.ceil((templates.find((image) => image.id === id)?.size ?? 0) / GIB) * GIB;
    change({ template: id, ...(draft.diskSize < least ? { diskSize: least } : {}) });
  };
  return (
    <>
      <div className="sk-choices" role="radiogroup" aria-label="Start from">
        {sources.map(([source, label, description]) => (
          <Radio
            key={source}
            id={`source-${source}`}
            name="source"
            className={draft.source === source ? "sk-choice sk-chosen" : "sk-choice"}
            label={label}
            description={description}
            isLabelWrapped
            isChecked={draft.source === source}
            onChange={() => change(switchTo(source))}
          />
        ))}
      </div>
      {draft.source === "template" && (
        <>
          <ImageField id="template" label="Template" images={templates} value={draft.template} error={problems.template} onChange={chooseTemplate} />
          <Checkbox
            id="fullCopy"
            label="Copy the disk in full"
            description="Takes longer and more space. A thin clone keeps only what differs from the template."
            isChecked={draft.fullCopy}
            onChange={(_event, fullCopy) => change({ fullCopy })}
          />
        </>
      )}
      {draft.source === "definition" && <GuestOsFields draft={draft} problems={problems} change={change} guestOses={guestOses} />}
      {draft.source === "iso" && (
        <ImageField id="iso" label="ISO image" images={isos} value={draft.iso} error={problems.iso} onChange={(iso) => change({ iso })} />
      )}
    </>
  );
}

/** Templates read what cloud-init gives them; installers and bare disks mostly do not. */
function switchTo(source: Source): Partial<Draft> {
  return { source, cloudInit: source === "template" };
}

interface ImageFieldProps {
  id: string;
  label: string;
  images: readonly Image[];
  value: string;
  error: string | undefined;
  onChange: (id: string) => void;
}

function ImageField({ id, label, images, value, error, onChange }: ImageFieldProps): React.JSX.Element {
  const none = (
    <>
      There is none yet. <Link to="/images">Import one</Link> first.
    </>
  );
  return (
    <Field id={id} label={label} required error={error} help={images.length === 0 ? none : null}>
      <select id={id} className="sk-select" value={value} aria-invalid={Boolean(error)} aria-describedby={`${id}-help`} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">Choose one</option>
        {images.map((image) => (
          <option key={image.id} value={image.id}>
            {image.name} ({formatBytes(image.size)})
          </option>
        ))}
      </select>
    </Field>
  );
}
