import { useMutation } from "@tanstack/react-query";

import type { Image } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { formatBytes } from "../common/format";
import { followTask } from "../tasks/follow";
import { deleteImage } from "./queries";

/** Asks before an image is deleted. */
export function DeleteImageDialog({ image, onClose }: { image: Image; onClose: () => void }): React.JSX.Element {
  const remove = useMutation({
    mutationFn: () => deleteImage(image.id),
    onSuccess: (task) => {
      followTask(task);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={`Delete ${image.name}?`}
      confirmLabel="Delete"
      typedName={image.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      {image.used_by.length > 0
        ? `These machines stand on it: ${image.used_by.join(", ")}. Skerry will not delete it while they do.`
        : `This frees ${formatBytes(image.allocation)}, and cannot be taken back.`}
    </ConfirmDialog>
  );
}
