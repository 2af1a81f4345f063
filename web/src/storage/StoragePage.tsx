import { Checkbox, PageSection, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import HddIcon from "@patternfly/react-icons/dist/esm/icons/hdd-icon";
import { useState } from "react";

import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { Loading } from "../common/Loading";
import { LoadMore } from "../common/LoadMore";
import { PageTitle } from "../common/PageTitle";
import { useVolumes, type VolumeFilter } from "./queries";
import { UploadsCard } from "./UploadsCard";
import { VolumesTable } from "./VolumesTable";

/** What lies in the storage pools: disks, images, and what was left behind. */
export function StoragePage(): React.JSX.Element {
  const [filter, setFilter] = useState<VolumeFilter>({ unused: false });
  const list = useVolumes(filter);
  return (
    <>
      <PageTitle
        title="Storage"
        description="Volumes are disks of machines, images, and disks that were kept when their machine was deleted."
      />
      <PageSection isFilled>
        <Toolbar className="sk-toolbar">
          <ToolbarContent>
            <ToolbarItem alignSelf="center">
              <Checkbox
                id="only-unused"
                label="Only what nothing needs"
                isChecked={filter.unused}
                onChange={(_event, unused) => setFilter({ unused })}
              />
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <ErrorNotice error={list.error} title="The volumes could not be loaded" onRetry={list.retry} />
        {list.isPending && <Loading what="volumes" />}
        {!list.isPending && !list.error && list.items.length === 0 && (
          <Empty title={filter.unused ? "Everything is needed" : "No volumes yet"} icon={HddIcon}>
            {filter.unused
              ? "No disk was left behind: each volume is needed by a machine, an image or a clone."
              : "They come with images and machines."}
          </Empty>
        )}
        {list.items.length > 0 && <VolumesTable volumes={list.items} />}
        <LoadMore
          shown={list.items.length}
          total={list.total}
          what="volumes"
          hasMore={list.hasMore}
          loading={list.loadingMore}
          onMore={list.loadMore}
        />
        <UploadsCard />
      </PageSection>
    </>
  );
}
