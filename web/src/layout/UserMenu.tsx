import { Divider, Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle } from "@patternfly/react-core";
import UserIcon from "@patternfly/react-icons/dist/esm/icons/user-icon";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { addErrorToast } from "../common/toasts";
import { signOut, useMe } from "../session/session";
import { setTheme, useTheme, type Theme } from "./theme";

const THEMES: readonly [Theme, string][] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** One's account, the colours, and the way out. */
export function UserMenu(): React.JSX.Element {
  const [open, setOpen] = useState(false);
  const me = useMe();
  const theme = useTheme();
  const navigate = useNavigate();
  const client = useQueryClient();
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plainText"
          icon={<UserIcon />}
          isExpanded={open}
          onClick={() => setOpen(!open)}
          aria-label={`Menu of ${me.name}`}
        >
          <span className="sk-user-name">{me.name}</span>
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem onClick={() => void navigate("/account")}>Account and tokens</DropdownItem>
      </DropdownList>
      <Divider />
      <DropdownGroup label="Colours">
        <DropdownList>
          {THEMES.map(([value, label]) => (
            <DropdownItem
              key={value}
              onClick={() => setTheme(value)}
              isSelected={theme === value}
            >
              {label}
            </DropdownItem>
          ))}
        </DropdownList>
      </DropdownGroup>
      <Divider />
      <DropdownList>
        <DropdownItem
          onClick={() => {
            signOut(client).catch((error: unknown) => addErrorToast("Could not sign out", error));
          }}
        >
          Sign out
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
