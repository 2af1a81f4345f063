import { Button, Checkbox } from "@patternfly/react-core";
import ArrowDownIcon from "@patternfly/react-icons/dist/esm/icons/arrow-down-icon";
import ArrowUpIcon from "@patternfly/react-icons/dist/esm/icons/arrow-up-icon";

import type { BootDevice } from "../../api/types";
import { BOOT_DEVICES } from "./bootOrder";

interface Entry {
  device: BootDevice;
  on: boolean;
}

interface Props {
  order: readonly Entry[];
  onChange: (order: Entry[]) => void;
}

/** From what a machine may start, and what it tries first. */
export function BootOrderField({ order, onChange }: Props): React.JSX.Element {
  const move = (from: number, to: number): void => {
    const entry = order[from];
    if (entry) onChange(order.toSpliced(from, 1).toSpliced(to, 0, entry));
  };
  return (
    <div role="group" aria-label="Boot order">
      <div className="sk-label">Boot order</div>
      <ol className="sk-boot">
        {order.map(({ device, on }, index) => {
          const label = BOOT_DEVICES[device];
          return (
            <li key={device}>
              <Checkbox
                id={`boot-${device}`}
                label={label}
                isChecked={on}
                onChange={(_event, checked) => onChange(order.with(index, { device, on: checked }))}
              />
              <Button variant="plain" size="sm" icon={<ArrowUpIcon />} aria-label={`${label} earlier`} isDisabled={index === 0} onClick={() => move(index, index - 1)} />
              <Button variant="plain" size="sm" icon={<ArrowDownIcon />} aria-label={`${label} later`} isDisabled={index === order.length - 1} onClick={() => move(index, index + 1)} />
            </li>
          );
        })}
      </ol>
    </div>
  );
}
