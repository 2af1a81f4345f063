import { InputGroup, InputGroupItem, TextInput } from "@patternfly/react-core";
import { useState } from "react";

import { GIB, MIB } from "./format";
import { inputProps } from "./Field";

interface Props {
  id: string;
  /** Bytes; NaN while it is no number. */
  value: number;
  onChange: (bytes: number) => void;
  label: string;
  error?: string | null | undefined;
}

type Unit = "MiB" | "GiB";

const BYTES: Readonly<Record<Unit, number>> = { MiB: MIB, GiB: GIB };

/** A number with a unit, for sizes of memory and disks. */
export function SizeInput({ id, value, onChange, label, error }: Props): React.JSX.Element {
  const [unit, setUnit] = useState<Unit>(value % GIB === 0 ? "GiB" : "MiB");
  const [text, setText] = useState(String(value / BYTES[unit]));
  const [known, setKnown] = useState(value);
  if (!Object.is(known, value)) {
    setKnown(value);
    if (!Object.is(value, parse(text, unit))) setText(String(value / BYTES[unit]));
  }

  const change = (newText: string, newUnit: Unit): void => {
    setText(newText);
    setUnit(newUnit);
    onChange(parse(newText, newUnit));
  };
  return (
    <InputGroup className="sk-size">
      <InputGroupItem isFill>
        <TextInput
          {...inputProps(id, error)}
          inputMode="decimal"
          value={text}
          onChange={(_event, changed) => change(changed, unit)}
        />
      </InputGroupItem>
      <InputGroupItem>
        <select
          className="sk-select"
          aria-label={`Unit of ${label}`}
          value={unit}
          onChange={(event) => change(text, event.currentTarget.value as Unit)}
        >
          <option>MiB</option>
          <option>GiB</option>
        </select>
      </InputGroupItem>
    </InputGroup>
  );
}

function parse(text: string, unit: Unit): number {
  const number = Number(text.trim().replace(",", "."));
  return text.trim() === "" || !Number.isFinite(number) ? Number.NaN : Math.round(number * BYTES[unit]);
}
