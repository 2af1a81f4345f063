/** Looks at cloud-init's user-data before it is sent, and says where it is wrong. */

export interface Finding {
  severity: "error" | "warning";
  text: string;
  line: number | null;
}

const CLOUD_CONFIG = "#cloud-config";
const OTHER_FORMATS = [
  "#!",
  "#include",
  "#cloud-boothook",
  "#cloud-config-archive",
  "#cloud-config-jsonp",
  "#part-handler",
  "## template: jinja",
  "Content-Type: multipart/",
  "MIME-Version:",
];
export const LONGEST = 256 * 1024; // bytes

/** Top-level keys that cloud-init knows. */
const KEYS = new Set(
  `allow_public_ssh_keys ansible apk_repos apt autoinstall bootcmd byobu_by_default ca_certs ca-certs chef chpasswd cloud_config_modules
  cloud_final_modules cloud_init_modules create_hostname_file datasource datasource_list device_aliases disable_ec2_metadata disable_root
  disable_root_opts disk_setup drivers fan final_message fqdn fs_setup groups growpart grub-dpkg grub_dpkg hostname keyboard
  landscape launch-index locale locale_configfile lxd manage_etc_hosts manage_resolv_conf mcollective merge_how merge_type mount_default_fields
  mounts no_ssh_fingerprints ntp output package_reboot_if_required package_update package_upgrade packages password phone_home
  power_state prefer_fqdn_over_hostname preserve_hostname puppet random_seed reporting resize_rootfs resolv_conf rh_subscription rpi rsyslog
  runcmd salt_minion snap spacewalk ssh ssh_authorized_keys ssh_deletekeys ssh_fp_console_blacklist ssh_genkeytypes
  ssh_import_id ssh_key_console_blacklist ssh_keys ssh_publish_hostkeys ssh_pwauth ssh_quiet_keygen swap system_info timezone
  ubuntu_advantage ubuntu_pro unverified_modules updates user users vendor_data version wireguard write_files yum_repo_dir yum_repos
  zypper`.split(/\s+/),
);

/** What there is to say about a text; nothing where it is good. */
export async function checkUserData(text: string): Promise<Finding[]> {
  if (text.trim() === "") return [];
  if (new TextEncoder().encode(text).length > LONGEST) {
    return [{ severity: "error", text: "This is longer than 256 KiB, which is the most that a guest is given.", line: null }];
  }
  const [first = ""] = text.split("\n", 1);
  if (first.trimEnd() === CLOUD_CONFIG) return checkCloudConfig(text);
  if (OTHER_FORMATS.some((start) => text.startsWith(start))) return [];
  return [
    {
      severity: "error",
      text: `The first line has to say what this is: “${CLOUD_CONFIG}” for settings, or “#!/bin/sh” for a script.`,
      line: 1,
    },
  ];
}

async function checkCloudConfig(text: string): Promise<Finding[]> {
  const { LineCounter, parseDocument, isMap, isScalar } = await import("yaml");
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineOf = (offset: number): number => counter.linePos(offset).line;

  const errors = document.errors.map((error) => ({
    severity: "error" as const,
    text: withPoint(error.message),
    line: lineOf(error.pos[0]),
  }));
  if (errors.length > 0) return errors;
  if (document.contents === null) return [];
  if (!isMap(document.contents)) {
    return [{ severity: "error", text: "Below the first line there have to be settings, such as “packages:”.", line: 2 }];
  }
  return document.contents.items.flatMap(({ key }) => {
    if (!isScalar(key) || KEYS.has(String(key.value))) return [];
    const near = nearest(String(key.value));
    const hint = near ? ` Is “${near}” meant?` : " It may be ignored.";
    const line = lineOf(key.range[0]);
    return [{ severity: "warning" as const, text: `cloud-init knows no “${String(key.value)}”.${hint}`, line }];
  });
}

function nearest(word: string): string | null {
  const [best] = [...KEYS].map((key) => ({ key, far: distance(word, key) })).sort((a, b) => a.far - b.far);
  return best && best.far <= 2 ? best.key : null;
}

/** How many letters to change, add or drop. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function withPoint(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
