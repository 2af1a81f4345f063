import { Breadcrumb, BreadcrumbItem, PageSection, Tab, Tabs, TabTitleText } from "@patternfly/react-core";
import { lazy, Suspense, useEffect } from "react";
import { Link, useLocation, useNavigate, useParams } from "react-router";

import { ApiError } from "../api/problem";
import type { Vm } from "../api/types";
import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { Loading } from "../common/Loading";
import { PageTitle } from "../common/PageTitle";
import { addToast } from "../common/toasts";
import { FactList } from "../events/FactList";
import { onFact } from "../live/live";
import { TaskList } from "../tasks/TaskList";
import { ConsoleTab } from "./detail/ConsoleTab";
import { CurrentTasks } from "./detail/CurrentTasks";
import { DisksTab } from "./detail/DisksTab";
import { NicsTab } from "./detail/NicsTab";
import { OverviewTab } from "./detail/OverviewTab";
import { SnapshotsTab } from "./detail/SnapshotsTab";
import { QuickAction } from "./detail/QuickAction";
import { useVm } from "./queries";
import { VmActionsMenu } from "./VmActionsMenu";
import { VmStateLabel } from "./VmStateLabel";

const DefinitionTab = lazy(async () => ({ default: (await import("./detail/DefinitionTab")).DefinitionTab }));

const CONTENT = "vm-tab";

const TABS: Readonly<Record<string, { label: string; show: (vm: Vm) => React.JSX.Element }>> = {
  overview: { label: "Overview", show: (vm) => <OverviewTab vm={vm} /> },
  console: { label: "Console", show: (vm) => <ConsoleTab vm={vm} /> },
  disks: { label: "Disks", show: (vm) => <DisksTab vm={vm} /> },
  network: { label: "Network", show: (vm) => <NicsTab vm={vm} /> },
  definition: { label: "Definition", show: (vm) => <DefinitionTab key={vm.id} vm={vm} /> },
  snapshots: { label: "Snapshots", show: (vm) => <SnapshotsTab vm={vm} /> },
  tasks: { label: "Tasks", show: (vm) => <TaskList filter={{ object: vm.id, state: null }} /> },
  events: { label: "Events", show: (vm) => <FactList filter={{ object: vm.id, kind: null }} /> },
};

/** One machine. */
export function VmPage(): React.JSX.Element {
  const { id = "", tab = "overview" } = useParams();
  const { data: vm, error, isPending, refetch } = useVm(id);
  useLeaveWhenRemoved(id, vm?.name);
  return (
    <>
      <PageSection type="breadcrumb">
        <Breadcrumb>
          <BreadcrumbItem render={({ className }) => <Link to="/vms" className={className}>Virtual machines</Link>} />
          <BreadcrumbItem isActive>{vm?.name ?? "…"}</BreadcrumbItem>
        </Breadcrumb>
      </PageSection>
      {vm && <Details vm={vm} tab={tab in TABS ? tab : "overview"} />}
      {isPending && <Loading what="machine" />}
      {!vm && error && <Missing id={id} error={error} onRetry={() => void refetch()} />}
    </>
  );
}

function Details({ vm, tab }: { vm: Vm; tab: string }): React.JSX.Element {
  const navigate = useNavigate();
  return (
    <>
      <PageTitle
        title={vm.name}
        description={vm.title || undefined}
        beside={<VmStateLabel vm={vm} />}
        actions={
          <>
            <QuickAction vm={vm} />
            <VmActionsMenu vm={vm} />
          </>
        }
      />
      <PageSection type="tabs">
        <Tabs
          activeKey={tab}
          onSelect={(event, key) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens it beside this one
            event.preventDefault();
            void navigate(`/vms/${vm.id}/${key}`, { replace: true });
          }}
          aria-label={`About ${vm.name}`}
          component="nav"
        >
          {Object.entries(TABS).map(([key, { label }]) => (
            <Tab
              key={key}
              id={`tab-${key}`}
              eventKey={key}
              tabContentId={CONTENT}
              title={<TabTitleText>{label}</TabTitleText>}
              href={`/vms/${vm.id}/${key}`}
            />
          ))}
        </Tabs>
      </PageSection>
      <PageSection isFilled>
        <div id={CONTENT} role="tabpanel" aria-label={TABS[tab]?.label} className="sk-stack">
          <CurrentTasks id={vm.id} />
          <Suspense fallback={<Loading what="tab" />}>{TABS[tab]?.show(vm)}</Suspense>
        </div>
      </PageSection>
    </>
  );
}

/** There is no such machine, or it is being made and the list does not know it yet: then its task is shown. */
function Missing({ id, error, onRetry }: { id: string; error: unknown; onRetry: () => void }): React.JSX.Element {
  const { state } = useLocation() as { state: { task?: string } | null };
  const notFound = error instanceof ApiError && error.status === 404;
  return (
    <PageSection isFilled>
      {notFound && state?.task && <CurrentTasks id={id} />}
      {notFound && !state?.task && (
        <Empty title="There is no such machine" actions={<Link to="/vms">Show all machines</Link>}>
          It may have been deleted, or the link is mistyped.
        </Empty>
      )}
      {!notFound && <ErrorNotice error={error} title="The machine could not be loaded" onRetry={onRetry} />}
    </PageSection>
  );
}

/** When the machine is deleted, by whomever, its page says so and goes back to the list. */
function useLeaveWhenRemoved(id: string, name: string | undefined): void {
  const navigate = useNavigate();
  useEffect(
    () =>
      onFact((fact) => {
        if (fact.kind !== "vm.removed" || fact.object.id !== id) return;
        addToast({ variant: "info", title: `${name ?? fact.object.name} is gone`, text: fact.summary });
        void navigate("/vms", { replace: true });
      }),
    [id, name, navigate],
  );
}
