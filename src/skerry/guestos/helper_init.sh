#!/bin/busybox sh
# The first and only program of the helper machine: it runs the scripts that come through its port, and tells how
# they ended. The port's lines: `run`, the script in base64, `.`; or `end`. The answers: `answer STATUS OUT ERR`,
# then OUT bytes of standard output and ERR bytes of standard error.
export PATH=/sbin:/bin LC_ALL=C HOME=/
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /mnt -o mode=755
for module in virtio_pci virtio_blk virtio_console; do modprobe $module 2> /dev/null; done # some kernels have them built in
case " $(cat /proc/cmdline) " in
  *" helper.network "*) # as QEMU's user network always is
    for module in virtio_net af_packet; do modprobe $module 2> /dev/null; done
    ip link set lo up
    ip address add 10.0.2.15/24 dev eth0
    ip link set eth0 up
    ip route add default via 10.0.2.2
    echo 'nameserver 10.0.2.3' > /etc/resolv.conf
    ;;
esac

until port=$(port helper 2> /dev/null) && [ -c "$port" ]; do usleep 10000; done
exec 3<> "$port"
echo ready >&3
while read -r word <&3; do
  case $word in
    run)
      while read -r line <&3 && [ "$line" != . ]; do echo "$line"; done | base64 -d > /tmp/script
      (cd /tmp && exec sh /tmp/script) > /tmp/out 2> /tmp/err < /dev/null 3>&-
      status=$?
      echo "answer $status $(stat -c %s /tmp/out) $(stat -c %s /tmp/err)" >&3
      cat /tmp/out /tmp/err >&3
      ;;
    end) break ;;
  esac
done
cd /
umount -a -r 2> /dev/null
sync
poweroff -f
