import { Checkbox, ExpandableSection, Radio, TextInput } from "@patternfly/react-core";
import { useState } from "react";

import type { HostInfo } from "../../api/types";
import { Field, inputProps } from "../../common/Field";
import type { FieldsProps } from "./NewVmForm";

/** What most people leave as it is. */
export function AdvancedFields({ draft, problems, change, hosts }: FieldsProps & { hosts: readonly HostInfo[] }): React.JSX.Element {
  const [expanded, setExpanded] = useState(false);
  const wrong = ["title", "host", "firmware", "secureBoot", "tpm", "kernel"].some((field) => field in problems);
  const uefi = hosts.some((host) => host.facts?.uefi);
  const tpm = hosts.some((host) => host.facts?.tpm);
  return (
    <ExpandableSection toggleText="Firmware, direct kernel boot, autostart" isExpanded={expanded || wrong} onToggle={(_event, open) => setExpanded(open)} isIndented>
      <div className="sk-stack">
        <Field id="title" label="Title" error={problems.title} help="A few words on what it is for.">
          <TextInput {...inputProps("title", problems.title)} value={draft.title} maxLength={200} onChange={(_event, title) => change({ title })} />
        </Field>
        {hosts.length > 1 && (
          <Field id="host" label="Host" error={problems.host}>
            <select id="host" className="sk-select" value={draft.host} onChange={(event) => change({ host: event.currentTarget.value })}>
              <option value="">chosen by Skerry</option>
              {hosts.map((host) => (
                <option key={host.name} disabled={!host.online}>
                  {host.name}
                </option>
              ))}
            </select>
          </Field>
        )}
        <div role="radiogroup" aria-label="Firmware" className="sk-row">
          <Radio id="firmware-bios" name="firmware" label="BIOS" isChecked={draft.firmware === "bios"} onChange={() => change({ firmware: "bios" })} />
          <Radio
            id="firmware-uefi"
            name="firmware"
            label="UEFI"
            isDisabled={!uefi}
            description={uefi ? undefined : "Not installed on the host (package ovmf)."}
            isChecked={draft.firmware === "uefi"}
            onChange={() => change({ firmware: "uefi" })}
          />
        </div>
        {draft.firmware === "uefi" && (
          <Checkbox id="secureBoot" label="Secure Boot" isChecked={draft.secureBoot} onChange={(_event, secureBoot) => change({ secureBoot })} />
        )}
        <Checkbox
          id="tpm"
          label="A TPM 2.0"
          isDisabled={!tpm}
          description={tpm ? undefined : "Not installed on the host (package swtpm)."}
          isChecked={draft.tpm}
          onChange={(_event, checked) => change({ tpm: checked })}
        />
        <Checkbox id="autostart" label="Start it with its host" isChecked={draft.autostart} onChange={(_event, autostart) => change({ autostart })} />
        <Checkbox
          id="directKernel"
          label="Boot a kernel that is on the host"
          isChecked={draft.directKernel}
          onChange={(_event, directKernel) => change({ directKernel })}
        />
        {draft.directKernel && <KernelFields draft={draft} problems={problems} change={change} />}
      </div>
    </ExpandableSection>
  );
}

/** Direct kernel boot. */
function KernelFields({ draft, problems, change }: FieldsProps): React.JSX.Element {
  return (
    <>
      <Field id="kernel" label="Kernel" required error={problems.kernel}>
        <TextInput {...inputProps("kernel", problems.kernel)} value={draft.kernel} placeholder="/srv/boot/vmlinuz" onChange={(_event, kernel) => change({ kernel })} />
      </Field>
      <Field id="initrd" label="Initial RAM disk">
        <TextInput id="initrd" value={draft.initrd} placeholder="/srv/boot/initrd.img" onChange={(_event, initrd) => change({ initrd })} />
      </Field>
      <Field id="commandLine" label="Command line">
        <TextInput id="commandLine" value={draft.commandLine} placeholder="root=/dev/vda1 console=ttyS0" onChange={(_event, commandLine) => change({ commandLine })} />
      </Field>
    </>
  );
}
