import { Button, ToggleGroup, ToggleGroupItem } from "@patternfly/react-core";
import DesktopIcon from "@patternfly/react-icons/dist/esm/icons/desktop-icon";
import { lazy, Suspense, useRef, useState } from "react";

import type { Vm } from "../../api/types";
import { Empty } from "../../common/Empty";
import { Loading } from "../../common/Loading";
import { ask } from "../../tasks/follow";
import { actOnVm } from "../queries";
import { ACTIONS } from "../states";

const GraphicsConsole = lazy(async () => ({ default: (await import("../../consoles/GraphicsConsole")).GraphicsConsole }));
const SerialConsole = lazy(async () => ({ default: (await import("../../consoles/SerialConsole")).SerialConsole }));

const WITH_CONSOLE: ReadonlySet<Vm["state"]> = new Set(["running", "paused", "stopping"]);

type Kind = "graphics" | "serial";

/** Both consoles of a machine, one at a time. */
export function ConsoleTab({ vm }: { vm: Vm }): React.JSX.Element {
  const [wanted, setWanted] = useState<Kind>("graphics");
  const box = useRef<HTMLDivElement>(null);
  const { graphics, serial } = vm.consoles;
  if (!WITH_CONSOLE.has(vm.state) || (!graphics && !serial)) return <NoConsole vm={vm} />;
  const kind = wanted === "graphics" ? (graphics ? "graphics" : "serial") : serial ? "serial" : "graphics";
  const props = { vm: vm.id, name: vm.name };
  const choose = (chosen: Kind): void => {
    setWanted(chosen);
    // One that opens takes the keyboard by itself; who chooses the open one again wants to type into it too.
    if (chosen === kind) box.current?.querySelector<HTMLElement>(".sk-console textarea, .sk-console canvas")?.focus();
  };
  return (
    <div className="sk-stack" ref={box}>
      <ToggleGroup aria-label="Which console">
        <ToggleGroupItem text="Graphical" buttonId="console-graphics" isDisabled={!graphics} isSelected={kind === "graphics"} onChange={() => choose("graphics")} />
        <ToggleGroupItem text="Serial" buttonId="console-serial" isDisabled={!serial} isSelected={kind === "serial"} onChange={() => choose("serial")} />
      </ToggleGroup>
      <Suspense fallback={<Loading what="console" />}>
        {kind === "graphics" ? (
          <GraphicsConsole key={vm.started_at} {...props} />
        ) : (
          <SerialConsole key={vm.started_at} {...props} />
        )}
      </Suspense>
    </div>
  );
}

function NoConsole({ vm }: { vm: Vm }): React.JSX.Element {
  const action = (["start", "restore", "resume"] as const).find((one) => vm.actions.includes(one));
  return (
    <Empty
      title="No console is open"
      icon={DesktopIcon}
      actions={
        action && (
          <Button onClick={() => void ask(`start ${vm.name}`, () => actOnVm(vm.id, action))}>
            {ACTIONS[action].label}
          </Button>
        )
      }
    >
      {WITH_CONSOLE.has(vm.state)
        ? "The definition of this machine has neither a graphical nor a serial console."
        : "A machine has consoles while it runs. It opens here as soon as the machine is started."}
    </Empty>
  );
}
