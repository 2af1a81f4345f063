import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import EllipsisVIcon from "@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon";
import { useState } from "react";

export interface RowAction {
  label: string;
  onClick: () => void;
  isDanger?: boolean;
}

/** What can be done with the thing of a row. */
export function RowMenu({ name, actions }: { name: string; actions: readonly RowAction[] }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const firstDanger = actions.findIndex((action) => action.isDanger);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plain"
          icon={<EllipsisVIcon />}
          isExpanded={open}
          onClick={() => setOpen(!open)}
          aria-label={`Actions for ${name}`}
        />
      )}
    >
      <DropdownList>
        {actions.flatMap(({ label, onClick, isDanger }, index) => [
          ...(index > 0 && index === firstDanger ? [<Divider key="divider" component="li" />] : []),
          <DropdownItem key={label} isDanger={isDanger ?? false} onClick={onClick}>
            {label}
          </DropdownItem>,
        ])}
      </DropdownList>
    </Dropdown>
  );
}
