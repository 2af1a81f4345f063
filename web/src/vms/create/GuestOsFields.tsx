import { TextArea } from "@patternfly/react-core";

import type { GuestOs } from "../../api/types";
import { Field, inputProps } from "../../common/Field";
import type { FieldsProps } from "./NewVmForm";

/** What can be asked for: each definition, or each of its variants, once for all hosts. */
export function namesOf(guestOses: readonly GuestOs[]): string[] {
  const usable = guestOses.filter((one) => one.usable);
  const names = usable.flatMap((one) => (one.variants.length > 0 ? one.variants.map((variant) => `${one.name}+${variant}`) : [one.name]));
  return [...new Set(names)].sort();
}

/** A guest OS definition with its variant, and its parameters as it names them; any of them may have several lines, such as keys. */
export function GuestOsFields({ draft, problems, change, guestOses }: FieldsProps & { guestOses: readonly GuestOs[] }): React.JSX.Element {
  const chosen = guestOses.find((one) => one.usable && one.name === draft.guestOs.split("+", 1)[0]);
  const set = (name: string, value: string): void => change({ osParameters: { ...draft.osParameters, [name]: value } });
  return (
    <>
      <Field id="guestOs" label="Definition" required error={problems.guestOs} help="It runs as root on the host. What it says is in the log of the task.">
        <select
          id="guestOs"
          className="sk-select"
          value={draft.guestOs}
          aria-invalid={Boolean(problems.guestOs)}
          aria-describedby="guestOs-help"
          onChange={(event) => change({ guestOs: event.currentTarget.value, osParameters: {} })}
        >
          <option value="">Choose one</option>
          {namesOf(guestOses).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      {chosen?.parameters.map(({ name, help }) => (
        <Field key={name} id={`osParameters-${name}`} label={name} help={help} error={name in draft.osParameters ? problems.osParameters : undefined}>
          <TextArea
            {...inputProps(`osParameters-${name}`, undefined)}
            value={draft.osParameters[name] ?? ""}
            rows={1}
            autoResize
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, value) => set(name, value)}
          />
        </Field>
      ))}
    </>
  );
}
