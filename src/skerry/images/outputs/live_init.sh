#!/bin/busybox sh
# The first program of a live system: finds the root image, lays a writable layer in memory over it, and starts it.
#
# /live/image says which image this is: NAME, ID, VERSION, FILE, FSTYPE, SIZE (bytes) and SHA256.
# Words of the kernel's command line (those of dracut's live module, where it has them):
#   root=live:CDLABEL=X, LABEL=X, /dev/X            the medium with the image; without one, any that has it
#   root=live:http://…, root=live:tftp://…          an image on a server
#   root=live:beside:NAME                           one beside the boot file that DHCP names
#   root=live:/path                                 an image in the initial RAM disk itself
#   rd.live.check, check     read the whole image and compare it first (what comes by network always is)
#   rd.live.ram              copy the image into memory, so that the medium can be taken out
#   rd.live.overlay.size=N   MiB that the writable layer may have (half of the memory)
#   ip=dhcp, ip=CLIENT:SERVER:GATEWAY:NETMASK, BOOTIF=MAC     the network, as PXE loaders write it
#   rd.shell                 a shell when something fails; rd.break: a shell before the system starts
#   panic=N                  restart N seconds after a failure that waiting cannot mend
export PATH=/bin:/sbin
. /live/image

say() { echo "<5>live: $*" >/dev/kmsg; }
warn() { echo "<3>live: $*" >/dev/kmsg; }

stop() {
  warn "$1"
  [ -z "$2" ] || warn "$2"
  if [ "$shell" ]; then
    setsid cttyhack sh
  fi
  if [ "$panic" ]; then
    warn "the machine restarts in $panic seconds"
    sleep "$panic"
    reboot -f
  fi
  warn "stopped; switch the machine off or press Ctrl-Alt-Del"
  while :; do sleep 3600; done
}

read_command_line() {
  source= check= ram= size=50% shell= pause= panic= address=dhcp bootif= init=/sbin/init
  for word in $(cat /proc/cmdline); do
    case $word in
      root=live:*) source=${word#root=live:} ;;
      rd.live.check | rd.live.check=1 | check) check=1 ;;
      rd.live.ram | rd.live.ram=1) ram=1 ;;
      rd.live.overlay.size=*) size=${word#*=}m ;;
      ip=*) address=${word#ip=} ;;
      BOOTIF=*) bootif=$(echo "${word#BOOTIF=}" | tr 'A-F-' 'a-f:') ;;
      rd.shell | rd.shell=1) shell=1 ;;
      rd.break | rd.break=*) pause=1 ;;
      panic=*) panic=${word#panic=} ;;
      init=*) init=${word#init=} ;;
    esac
  done
}

# Load what the hardware asks for; again while waiting, because buses are found one behind the other.
load_drivers() {
  find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs modprobe -a -b -q 2>/dev/null
  for name in sd_mod sr_mod; do modprobe -b -q $name; done
}

# ---- a medium

# bytes DEVICE OFFSET COUNT
bytes() { dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null | tr -d '\0'; }

# Whether a device holds the image; it stays mounted then. Only what can be such a medium is mounted. The label says
# what to look at first; the id decides, so that files copied to a stick with another label are found too.
try_device() {
  if [ "$(bytes "$1" 32769 5)" = CD001 ]; then
    kind=iso9660 label=$(bytes "$1" 32808 32)
  elif [ "$(bytes "$1" 82 5)" = FAT32 ]; then
    kind=vfat label=$(bytes "$1" 71 11)
  elif [ "$(bytes "$1" 54 3)" = FAT ]; then
    kind=vfat label=$(bytes "$1" 43 11)
  elif [ "$(bytes "$1" 1080 2 | od -A n -t x1)" = ' 53 ef' ]; then
    kind=ext4 label=$(bytes "$1" 1144 16)
  else
    return 1
  fi
  label=$(echo $label)  # without the blanks behind it
  case $source in
    CDLABEL=* | LABEL=*) [ "$label" = "${source#*=}" ] || [ $tries -ge 6 ] || return 1 ;;
    /dev/*) [ "$1" = "$source" ] || return 1 ;;
  esac
  modprobe -b -q $kind
  options=ro
  [ $kind != ext4 ] || options=ro,noload
  mount -t $kind -o $options "$1" /run/live/medium 2>/dev/null || return 1
  if grep -qx "ID=$ID" /run/live/medium/live/image 2>/dev/null; then
    return 0
  fi
  umount /run/live/medium
  return 1
}

find_medium() {
  tries=0
  while :; do
    load_drivers
    for block in /sys/class/block/*; do
      device=/dev/${block##*/}
      case $device in /dev/ram* | /dev/loop* | /dev/zram* | /dev/fd*) continue ;; esac
      if try_device "$device"; then
        say "$NAME is on $device"
        image=/run/live/medium/live/$FILE
        return
      fi
    done
    tries=$((tries + 1))
    if [ $((tries % 20)) = 4 ]; then
      warn "waiting for the medium of $NAME (${source:-any label}, id $ID): no device here holds it"
      warn "plug it in; devices here: $(ls /sys/class/block | grep -v -e ^ram -e ^loop | tr '\n' ' ')"
      if [ "$shell" ]; then setsid cttyhack sh; fi
    fi
    usleep 500000
  done
}

# ---- a server

cards() {
  for card in /sys/class/net/*; do
    name=${card##*/}
    [ "$name" != lo ] && [ -e "$card/device" ] || continue
    case $bootif in '' | *"$(cat "$card/address")") echo "$name" ;; esac
  done
}

static_address() {
  IFS=: read -r client server gateway netmask rest <<END
$address
END
  ip addr add "$client/$netmask" dev "$1" || return 1
  [ -z "$gateway" ] || ip route add default via "$gateway" dev "$1"
  echo "$server" >/run/live/server
  : >/run/live/bootfile
}

connect() {
  tries=0
  while :; do
    load_drivers
    for name in $(cards); do
      ip link set "$name" up 2>/dev/null || continue
      usleep 300000
      [ "$(cat "/sys/class/net/$name/carrier" 2>/dev/null)" = 1 ] || continue
      case $address in
        *.*.*.*:*) static_address "$name" && return ;;
        *) udhcpc -i "$name" -n -q -f -t 4 -T 3 -O bootfile -s /live/dhcp >/dev/null 2>&1 && return ;;
      esac
    done
    tries=$((tries + 1))
    if [ $((tries % 10)) = 3 ]; then
      warn "waiting for the network: no address by ip=$address on ${bootif:-any card}; cards here: $(cards | tr '\n' ' ')"
      [ -z "$shell" ] || setsid cttyhack sh
    fi
    sleep 1
  done
}

fetch() {
  case $source in
    tftp://*)
      rest=${source#tftp://}
      host=${rest%%/*} path=${rest#*/} ;;
    *)
      wget -q -T 30 -O "$1" "$source"
      return ;;
  esac
  port=${host#"${host%%:*}"}
  tftp -g -b 1428 -l "$1" -r "$path" "${host%%:*}" ${port#:}
}

# beside:NAME with what DHCP said, as a whole address.
resolve_source() {
  file=$(cat /run/live/bootfile)
  case $file in
    *://*) folder=${file%/*}/ ;;
    */*) folder=tftp://$(cat /run/live/server)/${file%/*}/ ;;
    *) folder=tftp://$(cat /run/live/server)/ ;;
  esac
  source=$folder${source#beside:}
}

download() {
  connect
  case $source in beside:*) resolve_source ;; esac
  free=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  [ $((SIZE / 1024 + 32768)) -lt "$free" ] ||
    stop "the root image has $((SIZE / 1048576)) MiB, and only $((free / 1024)) MiB of memory are free" "give the machine more memory"
  mount -t tmpfs -o size=100%,mode=0755 image /run/live/memory
  image=/run/live/memory/$FILE
  while :; do
    say "fetching $source ($((SIZE / 1048576)) MiB)"
    if ! fetch "$image" 2>/run/live/trouble; then
      warn "$source cannot be fetched: $(tail -n 1 /run/live/trouble); next try in 5 seconds"
    elif is_whole "$image"; then
      return
    else
      warn "$source is not the root image of this initial RAM disk (SHA-256 $SHA256); next try in 5 seconds"
    fi
    rm -f "$image"
    [ -z "$shell" ] || setsid cttyhack sh
    sleep 5
  done
}

# ---- the image

is_whole() {
  say "reading the root image to check it"
  sum=$(sha256sum "$1") && [ "${sum%% *}" = "$SHA256" ]
}

copy_to_memory() {
  free=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  if [ $((SIZE / 1024 + 32768)) -ge "$free" ]; then
    warn "the root image does not fit in memory; it stays on its medium"
    return
  fi
  say "copying the root image into memory"
  mount -t tmpfs -o size=100%,mode=0755 image /run/live/memory
  if cp "$image" "/run/live/memory/$FILE"; then
    image=/run/live/memory/$FILE
    umount /run/live/medium
  else
    warn "the root image cannot be copied; it stays on its medium"
    umount /run/live/memory
  fi
}

find_image() {
  case $source in
    http://* | https://* | tftp://* | beside:*) download; return ;;
    /dev/*) find_medium ;;
    /*)
      image=$source
      [ -e "$image" ] || stop "there is no root image $image in the initial RAM disk" ;;
    *) find_medium ;;
  esac
  if [ "$check" ]; then
    is_whole "$image" || stop "the root image is damaged: its SHA-256 is not $SHA256" "write the medium again, or start without the check"
    say "the root image is as it was built"
  fi
  if [ "$ram" ] && [ -d /run/live/medium/live ]; then copy_to_memory; fi
}

mount_root() {
  modprobe -a -b -q loop $FSTYPE overlay
  mount -t $FSTYPE -o ro,loop "$image" /run/live/root ||
    stop "the root image cannot be mounted ($FSTYPE, $image)" "check the medium with rd.live.check"
  mount -t tmpfs -o "size=$size,mode=0755" overlay /run/live/overlay
  mkdir /run/live/overlay/upper /run/live/overlay/work
  mount -t overlay -o lowerdir=/run/live/root,upperdir=/run/live/overlay/upper,workdir=/run/live/overlay/work \
    overlay /sysroot || stop "the writable layer cannot be laid over the root image"
}

/bin/busybox --install -s /bin  # before /proc is there, the shell does not find its own programs
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
mkdir -p /run/live/medium /run/live/memory /run/live/root /run/live/overlay
read_command_line
[ "$(uname -r)" = "$VERSION" ] || stop "this initial RAM disk is for kernel $VERSION, not $(uname -r)"
find_image
mount_root
if [ "$pause" ]; then
  warn "rd.break: leave the shell to go on"
  setsid cttyhack sh
fi
[ -x /sysroot$init ] || [ -L /sysroot$init ] || stop "the root has no $init"
say "starting $NAME"
for place in run dev sys proc; do /bin/mount -o move /$place /sysroot/$place; done
exec /bin/switch_root /sysroot "$init"
