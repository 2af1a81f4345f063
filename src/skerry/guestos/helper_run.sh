# The first process of the world in which a definition's script works: it ends what the script leaves behind.
umask 022
unshared=$(cat /proc/mounts)
/usr/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger --action=add --subsystem-match=block --subsystem-match=misc
udevadm settle
sh /run/skerry/call
status=$?
udevadm settle
udevadm control --exit
for each in /proc/[0-9]*; do
  [ -e "$each/exe" ] && name=$(cat "$each/comm") || continue
  case $each:$name in /proc/1:* | *:systemd-udevd | *:'(udev-worker)') continue ;; esac
  echo "left behind: process ${each#/proc/} ($name); ending it"
done
kill -KILL -1 2> /dev/null
tac /proc/mounts | while read -r source point type rest; do
  case "
$unshared
" in *"
$source $point $type "*) continue ;; esac
  echo "left behind: mount $point of $source; removing it"
  point=$(printf %b "$point") # blanks are written as octal digits
  umount -- "$point" || umount --lazy -- "$point"
done
[ "$(dmsetup ls 2> /dev/null)" = "No devices found" ] || dmsetup ls | while read -r name rest; do
  echo "left behind: mapping /dev/mapper/$name; removing it"
  dmsetup remove --noudevsync --retry "$name"
done
losetup --list --noheadings --output NAME | while read -r name; do
  echo "left behind: loop device $name; removing it"
  losetup --detach "$name"
done
exit $status
