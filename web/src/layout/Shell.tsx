import {
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
} from "@patternfly/react-core";
import { Suspense, useEffect, useRef } from "react";
import { Link, Outlet, useLocation } from "react-router";

import { Loading } from "../common/Loading";
import { Toasts } from "../common/Toasts";
import { ConnectionState } from "./ConnectionState";
import { RunningTasks } from "./RunningTasks";
import { UserMenu } from "./UserMenu";

const MAIN = "main";

const PLACES: readonly [string, string][] = [
  ["/vms", "Virtual machines"],
  ["/images", "Images"],
  ["/storage", "Storage"],
  ["/hosts", "Hosts"],
  ["/tasks", "Tasks"],
  ["/events", "Events"],
];

/** What is around every page. */
export function Shell(): React.JSX.Element {
  useFocusOnNavigation();
  return (
    <>
      <Page
        masthead={<Head />}
        sidebar={<Side />}
        isManagedSidebar
        isContentFilled
        skipToContent={<SkipToContent href={`#${MAIN}`}>Skip to content</SkipToContent>}
        mainContainerId={MAIN}
        mainAriaLabel="Content"
      >
        <Suspense fallback={<Loading what="page" />}>
          <Outlet />
        </Suspense>
      </Page>
      <Toasts />
    </>
  );
}

function Head(): React.JSX.Element {
  return (
    <Masthead display={{ default: "inline" }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton aria-label="Navigation" />
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo component={(props) => <Link {...props} to="/vms" />} className="sk-brand">
            <img src="/skerry.svg" alt="" width="32" height="32" />
            <span>Skerry</span>
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="sk-head">
          <ConnectionState />
          <RunningTasks />
          <UserMenu />
        </div>
      </MastheadContent>
    </Masthead>
  );
}

function Side(): React.JSX.Element {
  const { pathname } = useLocation();
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Main">
          <NavList>
            {PLACES.map(([path, label]) => (
              <NavItem key={path} isActive={pathname === path || pathname.startsWith(`${path}/`)}>
                <Link to={path}>{label}</Link>
              </NavItem>
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

/** Another page begins at its top, and the keyboard goes on there; the first one leaves the focus alone. */
function useFocusOnNavigation(): void {
  const { pathname } = useLocation();
  const place = pathname.split("/").slice(0, 3).join("/"); // tabs of one thing are one page
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    const main = document.getElementById(MAIN);
    main?.scrollTo(0, 0);
    main?.focus({ preventScroll: true });
  }, [place]);
}
