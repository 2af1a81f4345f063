#!/bin/busybox sh
# What udhcpc runs when its lease begins or ends.
case $1 in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew)
    ip addr replace "$ip/${mask:-24}" dev "$interface"
    for gateway in $router; do ip route replace default via "$gateway" dev "$interface" && break; done
    : >/etc/resolv.conf
    [ -z "$domain" ] || echo "search $domain" >>/etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
    echo "${siaddr:-$serverid}" >/run/live/server
    echo "${boot_file:-$bootfile}" >/run/live/bootfile
    ;;
esac
