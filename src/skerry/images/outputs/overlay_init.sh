#!/bin/busybox sh
# The first program of a disk whose root cannot be written: lays a writable layer in memory over it, and starts it.
#
# Words of the kernel's command line:
#   root=UUID=X              the file system with the root (EROFS)
#   rd.live.overlay.size=N   MiB that the writable layer may have (half of the memory)
#   rd.shell                 a shell when something fails
#   panic=N                  restart N seconds after a failure that waiting cannot mend
export PATH=/bin:/sbin

warn() { echo "<3>root: $*" >/dev/kmsg; }

stop() {
  warn "$1"
  if [ "$shell" ]; then
    setsid cttyhack sh
  fi
  if [ "$panic" ]; then
    sleep "$panic"
    reboot -f
  fi
  while :; do sleep 3600; done
}

read_command_line() {
  uuid= size=50% shell= panic= init=/sbin/init
  for word in $(cat /proc/cmdline); do
    case $word in
      root=UUID=*) uuid=${word#root=UUID=} ;;
      rd.live.overlay.size=*) size=${word#*=}m ;;
      rd.shell | rd.shell=1) shell=1 ;;
      panic=*) panic=${word#panic=} ;;
      init=*) init=${word#init=} ;;
    esac
  done
}

# Load what the hardware asks for; again while waiting, because buses are found one behind the other.
load_drivers() {
  find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs modprobe -a -b -q 2>/dev/null
  modprobe -b -q sd_mod
}

# Every EROFS has its UUID in bytes 1072 to 1087, behind the magic at 1024.
is_root() {
  found=$(dd if="$1" bs=16 skip=64 count=4 2>/dev/null | hexdump -v -e '1/1 "%02x"')
  case $found in
    e2e1f5e0*) [ "$(echo "$found" | cut -c97-128)" = "$(echo "$uuid" | tr -d -)" ] ;;
    *) return 1 ;;
  esac
}

find_root() {
  tries=0
  while :; do
    load_drivers
    for block in /sys/class/block/*; do
      device=/dev/${block##*/}
      case $device in /dev/ram* | /dev/loop* | /dev/zram* | /dev/fd* | /dev/sr*) continue ;; esac
      if is_root "$device"; then return; fi
    done
    tries=$((tries + 1))
    if [ $((tries % 20)) = 4 ]; then
      warn "waiting for the root $uuid; devices here: $(ls /sys/class/block | tr '\n' ' ')"
      if [ "$shell" ]; then setsid cttyhack sh; fi
    fi
    usleep 500000
  done
}

/bin/busybox mount -t proc -o nosuid,nodev,noexec proc /proc
/bin/busybox --install -s /bin
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
mkdir -p /run/root/image /run/root/overlay
read_command_line
find_root
modprobe -a -b -q erofs overlay
mount -t erofs -o ro "$device" /run/root/image || stop "the root on $device cannot be mounted"
mount -t tmpfs -o "size=$size,mode=0755" overlay /run/root/overlay
mkdir /run/root/overlay/upper /run/root/overlay/work
mount -t overlay -o lowerdir=/run/root/image,upperdir=/run/root/overlay/upper,workdir=/run/root/overlay/work \
  overlay /sysroot || stop "the writable layer cannot be laid over the root"
# By this link systemd knows which disk an overlaid root is on (systemd-volatile-root.service(8)).
mkdir -p /run/systemd
ln -s "$device" /run/systemd/volatile-root
[ -x /sysroot$init ] || [ -L /sysroot$init ] || stop "the root has no $init"
umount /proc /sys 2>/dev/null
mount -o move /run /sysroot/run
mount -o move /dev /sysroot/dev
exec switch_root /sysroot "$init"
