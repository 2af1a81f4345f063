#!/bin/sh
# The device of a disk of the helper machine, by the name that it was given.
for each in /sys/block/vd*; do
  [ "$(cat "$each/serial")" = "$1" ] && exec echo "/dev/${each##*/}"
done
echo "the helper machine has no disk $1" >&2
exit 1
