import { Checkbox, PageSection, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import HddIcon from "@patternfly/react-icons/dist/esm/icons/hdd-icon";
import { useState } from "react";

import { Empty } from "../common/Empty";
import { ListView } from "../common/ListView";
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
        <ListView list={list} what="volumes" empty={<NoVolumes unused={filter.unused} />}>
          <VolumesTable volumes={list.items} />
        </ListView>
        <UploadsCard />
      </PageSection>
    </>
  );
}

function NoVolumes({ unused }: VolumeFilter): React.JSX.Element {
  return (
    <Empty title={unused ? "Everything is needed" : "No volumes yet"} icon={HddIcon}>
      {unused
        ? "No disk was left behind: each volume is needed by a machine, an image or a clone."
        : "They come with images and machines."}
    </Empty>
  );
}
