import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";

import { LineDiff } from "../../common/LineDiff";
import type { DefinitionEditor } from "./useDefinitionEditor";

/** Shows what will change before it is saved. */
export function ReviewDialog({ editor, checked }: { editor: DefinitionEditor; checked: string }): React.JSX.Element {
  return (
    <Modal variant="large" isOpen onClose={editor.cancelReview} aria-labelledby="review-title">
      <ModalHeader
        title="Save these changes?"
        labelId="review-title"
        description="The hypervisor accepts the definition, and would keep it like this."
      />
      <ModalBody>
        <LineDiff before={editor.base.xml} after={checked} />
      </ModalBody>
      <ModalFooter>
        <Button isLoading={editor.busy} isDisabled={editor.busy} onClick={() => void editor.save()}>
          Save
        </Button>
        <Button variant="link" onClick={editor.cancelReview}>
          Go on editing
        </Button>
      </ModalFooter>
    </Modal>
  );
}
