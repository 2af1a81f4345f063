#!/bin/sh
# The device of a port of the helper machine, by the name that it was given.
for each in /sys/class/virtio-ports/*; do
  [ "$(cat "$each/name" 2> /dev/null)" = "$1" ] && exec echo "/dev/${each##*/}"
done
echo "the helper machine has no port $1" >&2
exit 1
