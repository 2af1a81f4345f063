import { Alert, Checkbox, ExpandableSection, TextArea, TextInput } from "@patternfly/react-core";
import { useEffect, useState } from "react";

import { CodeEditor } from "../../common/CodeEditor";
import { Field, inputProps } from "../../common/Field";
import type { FieldsProps } from "./NewVmForm";
import { checkUserData, type Finding } from "./userData";

const EXAMPLE = `#cloud-config
packages:
  - htop
runcmd:
  - echo ready > /etc/motd
`;
const PAUSE_MS = 250;

/** What the guest is told when it boots for the first time. */
export function CloudInitFields({ draft, problems, change }: FieldsProps): React.JSX.Element {
  const [expanded, setExpanded] = useState(draft.userData !== "");
  return (
    <>
      <Checkbox
        id="cloudInit"
        label="Prepare the guest with cloud-init"
        description="Gives it a host name, your SSH key, and what you write below. The image has to have cloud-init."
        isChecked={draft.cloudInit}
        onChange={(_event, cloudInit) => change({ cloudInit })}
      />
      {draft.cloudInit && (
        <>
          <Field id="sshKeys" label="SSH public keys" error={problems.sshKeys} help="One a line; what is in ~/.ssh/id_ed25519.pub. Without them, and without a password in the user-data, nobody can sign in.">
            <TextArea
              {...inputProps("sshKeys", problems.sshKeys)}
              value={draft.sshKeys}
              rows={2}
              spellCheck={false}
              resizeOrientation="vertical"
              placeholder="ssh-ed25519 AAAA… you@laptop"
              onChange={(_event, sshKeys) => change({ sshKeys })}
            />
          </Field>
          <Field id="hostname" label="Host name" error={problems.hostname} help="Empty: the name of the machine.">
            <TextInput {...inputProps("hostname", problems.hostname)} value={draft.hostname} placeholder={draft.name} onChange={(_event, hostname) => change({ hostname })} />
          </Field>
          <ExpandableSection
            toggleText="User-data (YAML or a script)"
            isExpanded={expanded || problems.userData !== undefined}
            onToggle={(_event, open) => setExpanded(open)}
          >
            <UserData text={draft.userData} error={problems.userData} onChange={(userData) => change({ userData })} />
          </ExpandableSection>
        </>
      )}
    </>
  );
}

interface UserDataProps {
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

function UserData({ text, error, onChange }: UserDataProps): React.JSX.Element {
  const findings = useFindings(text);
  const invalid = error !== undefined || findings.some((finding) => finding.severity === "error");
  return (
    <div className="sk-stack">
      <CodeEditor
        id="userData"
        label="User-data for cloud-init"
        language="yaml"
        value={text}
        rows={12}
        invalid={invalid}
        describedBy="userData-findings"
        onChange={onChange}
      />
      <div id="userData-findings" aria-live="polite" className="sk-stack">
        {text === "" && (
          <p className="sk-quiet">
            Settings begin with <code>#cloud-config</code>, scripts with <code>#!/bin/sh</code>.{" "}
            <button type="button" className="sk-link" onClick={() => onChange(EXAMPLE)}>
              Show an example
            </button>
          </p>
        )}
        {error && <Alert isInline isPlain variant="danger" title={error} />}
        {findings.map((finding) => (
          <Alert
            key={`${finding.line ?? 0} ${finding.text}`}
            isInline
            isPlain
            variant={finding.severity === "error" ? "danger" : "warning"}
            title={finding.line === null ? finding.text : `Line ${finding.line}: ${finding.text}`}
          />
        ))}
      </div>
    </div>
  );
}

/** What there is to say about a text, a moment after it was typed. */
function useFindings(text: string): readonly Finding[] {
  const [findings, setFindings] = useState<readonly Finding[]>([]);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      void checkUserData(text).then((found) => {
        if (current) setFindings(found);
      });
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text]);
  return findings;
}
