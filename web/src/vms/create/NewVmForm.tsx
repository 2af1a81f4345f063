import { ActionList, ActionListItem, Button, Checkbox, Form, FormSection } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";

import { ApiError } from "../../api/problem";
import type { GuestOs, HostInfo, Image, Network } from "../../api/types";
import { ErrorNotice } from "../../common/ErrorNotice";
import { followTask } from "../../tasks/follow";
import { createVm } from "../queries";
import { AdvancedFields } from "./AdvancedFields";
import { CloudInitFields } from "./CloudInitFields";
import { problemsFrom, problemsOf, toNewVm, type Draft, type Problems } from "./draft";
import { NameField, NetworkField, SizeFields } from "./SimpleFields";
import { SourceFields } from "./SourceFields";
import { checkUserData } from "./userData";

interface Props {
  start: Draft;
  images: readonly Image[];
  hosts: readonly HostInfo[];
  networks: readonly Network[];
  guestOses: readonly GuestOs[];
}

export interface FieldsProps {
  draft: Draft;
  /** Wrong fields that the person should see now. */
  problems: Problems;
  change: (changes: Partial<Draft>) => void;
}

/** The form for a new machine: all of it on one page, the seldom parts folded. */
export function NewVmForm({ start, images, hosts, networks, guestOses }: Props): React.JSX.Element {
  const [draft, setDraft] = useState(start);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<Problems>({});
  const navigate = useNavigate();
  const surroundings = { images, hosts };
  const wrong = problemsOf(draft, surroundings);

  const create = useMutation({
    mutationFn: () => createVm(toNewVm(draft, surroundings)),
    onSuccess: (task) => {
      followTask(task);
      void navigate(`/vms/${task.object.id}`, { state: { task: task.id } });
    },
    onError: (error) => {
      const found = error instanceof ApiError ? problemsFrom(error) : {};
      setRefused(found);
      focusFirst(found);
    },
  });

  const change = (changes: Partial<Draft>): void => {
    setDraft((before) => ({ ...before, ...changes }));
    setTouched((before) => new Set([...before, ...Object.keys(changes)]));
    setRefused((before) => without(before, Object.keys(changes)));
    create.reset();
  };
  const submit = async (): Promise<void> => {
    const all = { ...wrong };
    const findings = draft.cloudInit ? await checkUserData(draft.userData) : [];
    const bad = findings.find((finding) => finding.severity === "error");
    if (bad) all.userData = bad.text;
    setTouched(new Set(Object.keys(draft)));
    if (Object.keys(all).length > 0) focusFirst(all);
    else create.mutate();
  };

  const shown = { ...Object.fromEntries(Object.entries(wrong).filter(([field]) => touched.has(field))), ...refused };
  const fields: FieldsProps = { draft, problems: shown, change };
  const elsewhere = create.error && Object.keys(refused).length === 0 ? create.error : null;
  return (
    <Form
      className="sk-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!create.isPending) void submit();
      }}
    >
      <NameField {...fields} />
      <FormSection title="Start from" titleElement="h2">
        <SourceFields {...fields} images={images} guestOses={guestOses} />
      </FormSection>
      <FormSection title="Size" titleElement="h2">
        <SizeFields {...fields} hosts={hosts} />
      </FormSection>
      <FormSection title="Network" titleElement="h2">
        <NetworkField {...fields} networks={networks} />
      </FormSection>
      <FormSection title="First boot" titleElement="h2">
        <CloudInitFields {...fields} />
      </FormSection>
      <AdvancedFields {...fields} hosts={hosts} />
      <Checkbox
        id="start"
        label="Start it now"
        isChecked={draft.start}
        onChange={(_event, checked) => change({ start: checked })}
      />
      <ErrorNotice error={elsewhere} />
      <ActionList>
        <ActionListItem>
          <Button type="submit" isLoading={create.isPending} isDisabled={create.isPending}>
            Create machine
          </Button>
        </ActionListItem>
        <ActionListItem>
          <Button variant="link" component={(props) => <Link {...props} to="/vms" />}>
            Cancel
          </Button>
        </ActionListItem>
      </ActionList>
    </Form>
  );
}

function without(problems: Problems, fields: readonly string[]): Problems {
  return Object.fromEntries(Object.entries(problems).filter(([field]) => !fields.includes(field)));
}

/** Inputs carry the names of their fields as ids. */
function focusFirst(problems: Problems): void {
  const ids = Object.keys(problems).map((field) => `#${field}`);
  if (ids.length === 0) return;
  document.querySelector<HTMLElement>(ids.join())?.focus();
}
