# Makes a Debian of the helper machine's disks, and lets a definition's script work in it. Before this come the
# words `disks` (names of the guest's disks), `run` and `call` (scripts, in base64), and what `caches` does.
set -e
modprobe dm_mod
modprobe loop
cd /mnt
mkdir system scratch root
mount -t ext4 -o ro "$(disk system)" system
mount --bind /dev system/dev
chroot system mke2fs -q -F -t ext4 -O ^has_journal,^orphan_file -E nodiscard,lazy_itable_init=1 "$(disk scratch)"
umount system/dev
mount -t ext4 -o noatime,noinit_itable "$(disk scratch)" scratch
mkdir scratch/upper scratch/work
mount -t overlay overlay -o lowerdir=/mnt/system,upperdir=/mnt/scratch/upper,workdir=/mnt/scratch/work root
mount -t devtmpfs dev root/dev
mount -t sysfs sys root/sys
mount -t tmpfs run root/run -o mode=755
mkdir -p root/dev/pts root/dev/shm root/run/skerry root/run/lock
mount -t devpts devpts root/dev/pts -o gid=5,mode=620,ptmxmode=666
mount -t tmpfs shm root/dev/shm
ln -snf /proc/self/fd root/dev/fd
for each in 0:stdin 1:stdout 2:stderr; do ln -snf "/proc/self/fd/${each%:*}" "root/dev/${each#*:}"; done
chroot root tar --extract --same-owner --file "$(disk files)" --directory /
caches
# File systems that guests older than this Debian can read as well.
sed -i 's/,metadata_csum_seed//;s/,orphan_file//' root/etc/mke2fs.conf
echo "$run" | base64 -d > root/run/skerry/run
echo "$call" | base64 -d > root/run/skerry/call
for each in $disks; do
  device=$(disk "$each")
  export "$each=$device"
done
{
  chroot root unshare --pid --fork --mount --mount-proc sh /run/skerry/run && status=0 || status=$?
  echo $status > /tmp/status
} 2>&1 | cat > "$(port log)"
sync
