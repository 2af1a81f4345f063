import { TextArea, TextInput } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import type { Image } from "../api/types";
import { Field, inputProps } from "../common/Field";
import { FormDialog } from "../common/FormDialog";
import { nameProblem } from "../common/names";
import { changeImage } from "./queries";

/** Renames or describes an image. */
export function EditImageDialog({ image, onClose }: { image: Image; onClose: () => void }): React.JSX.Element {
  const [name, setName] = useState(image.name);
  const [description, setDescription] = useState(image.description);
  const wrong = nameProblem(name);
  const change = useMutation({ mutationFn: () => changeImage(image.id, { name, description }), onSuccess: onClose });
  return (
    <FormDialog
      title={`Rename or describe ${image.name}`}
      submitLabel="Save"
      ready={!wrong}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate()}
      onClose={onClose}
    >
      <Field id="image-name" label="Name" required error={wrong}>
        <TextInput {...inputProps("image-name", wrong)} value={name} onChange={(_event, text) => setName(text)} />
      </Field>
      <Field id="image-description" label="Description">
        <TextArea
          id="image-description"
          value={description}
          resizeOrientation="vertical"
          onChange={(_event, text) => setDescription(text)}
        />
      </Field>
    </FormDialog>
  );
}
