import { Button, FileUpload, Form, Modal, ModalBody, ModalFooter, ModalHeader, Progress, Radio, TextInput } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../api/client";
import { ApiError } from "../api/problem";
import { ErrorNotice } from "../common/ErrorNotice";
import { Field, inputProps } from "../common/Field";
import { formatBytes } from "../common/format";
import { nameFromFile, nameProblem } from "../common/names";
import { useImport } from "./useImport";

const SHA256 = /^[0-9a-fA-F]{64}$/;

/** Brings an image in: from this computer, or from a volume that is on the host already. */
export function ImportDialog({ onClose }: { onClose: () => void }): React.JSX.Element {
  const [source, setSource] = useState<"file" | "volume">("file");
  const [file, setFile] = useState<File | null>(null);
  const [volume, setVolume] = useState("");
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [sha256, setSha256] = useState("");
  const running = useImport();

  const fields = running.error instanceof ApiError ? running.error.fields : {};
  const wrongName = (name ? nameProblem(name) : null) ?? fields.name;
  const sum = source === "file" ? sha256 : ""; // a volume is not compared with anything
  const wrongSum = sum && !SHA256.test(sum) ? "These are not 64 hexadecimal digits." : fields.sha256;
  const chosen = source === "file" ? file !== null && file.size > 0 : volume !== "";
  const ready = chosen && nameProblem(name) === null && !(sum && !SHA256.test(sum));

  const submit = async (): Promise<void> => {
    const [pool, volumeName] = source === "volume" ? splitVolume(volume) : [null, null];
    const wish = { name, description, sha256: sum || null, storagePool: pool, volume: volumeName };
    if (await running.start(source === "file" ? file : null, wish)) onClose();
  };
  const close = (): void => {
    running.stop();
    onClose();
  };
  return (
    <Modal variant="small" isOpen onClose={close} aria-labelledby="import-title">
      <ModalHeader title="Import image" labelId="import-title" />
      <ModalBody>
        <Form
          id="import-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready && !running.busy) void submit();
          }}
        >
          <div role="radiogroup" aria-label="Where it is" className="sk-row">
            <Radio id="from-file" name="source" label="From this computer" isChecked={source === "file"} onChange={() => setSource("file")} />
            <Radio id="from-volume" name="source" label="From a volume on the host" isChecked={source === "volume"} onChange={() => setSource("volume")} />
          </div>
          {source === "file" ? (
            <Field id="image-file" label="File" required error={file?.size === 0 ? "This file is empty." : fields.upload} help="qcow2, raw or ISO; also compressed with gzip, xz or zstd.">
              <FileUpload
                id="image-file"
                filename={file ? `${file.name} (${formatBytes(file.size)})` : ""}
                filenamePlaceholder="Drop a file here, or choose one"
                browseButtonText="Choose"
                hideDefaultPreview
                isDisabled={running.busy}
                onFileInputChange={(_event, picked) => {
                  setFile(picked);
                  if (!name) setName(nameFromFile(picked.name));
                }}
                onClearClick={() => setFile(null)}
              />
            </Field>
          ) : (
            <VolumeField value={volume} onChange={(picked) => {
              setVolume(picked);
              if (!name) setName(nameFromFile(splitVolume(picked)[1]));
            }} />
          )}
          <Field id="image-name" label="Name" required error={wrongName}>
            <TextInput {...inputProps("image-name", wrongName)} value={name} onChange={(_event, text) => setName(text)} />
          </Field>
          <Field id="image-description" label="Description">
            <TextInput id="image-description" value={description} onChange={(_event, text) => setDescription(text)} />
          </Field>
          {source === "file" && (
            <Field id="image-sum" label="SHA-256" error={wrongSum} help="If you have it, Skerry compares it and refuses a broken file.">
              <TextInput {...inputProps("image-sum", wrongSum)} value={sha256} spellCheck={false} onChange={(_event, text) => setSha256(text.trim())} />
            </Field>
          )}
          {running.sent !== null && file && (
            <Progress
              value={Math.floor((running.sent / file.size) * 100)}
              title={`${formatBytes(running.sent)} of ${formatBytes(file.size)} sent`}
              aria-label="Upload"
            />
          )}
          <ErrorNotice error={running.error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="import-form" isDisabled={!ready || running.busy} isLoading={running.busy}>
          {running.error && running.sent !== null ? "Try again" : "Import"}
        </Button>
        <Button variant="link" onClick={close}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

interface VolumeProps {
  value: string;
  onChange: (value: string) => void;
}

function VolumeField({ value, onChange }: VolumeProps): React.JSX.Element {
  const volumes = useQuery({
    queryKey: ["volumes"],
    staleTime: 0,
    queryFn: ({ signal }) => answer(api.GET("/api/v1/volumes", { params: { query: { limit: 500 } }, signal })),
  });
  const free = volumes.data?.items.filter((volume) => volume.used_by.length === 0) ?? [];
  const none = volumes.isSuccess && free.length === 0;
  return (
    <Field
      id="image-volume"
      label="Volume"
      required
      error={volumes.error?.message}
      help={none ? "There is no volume that no machine uses." : "Volumes that no machine uses."}
    >
      <select id="image-volume" className="sk-select" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">Choose a volume</option>
        {free.map((volume) => (
          <option key={`${volume.storage_pool}/${volume.name}`} value={`${volume.storage_pool}/${volume.name}`}>
            {volume.storage_pool}/{volume.name} ({formatBytes(volume.capacity)})
          </option>
        ))}
      </select>
    </Field>
  );
}

/** `pool/volume` in its parts; names of pools have no slash. */
function splitVolume(value: string): [string, string] {
  const slash = value.indexOf("/");
  return [value.slice(0, slash), value.slice(slash + 1)];
}
