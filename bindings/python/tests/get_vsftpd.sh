#!/bin/sh
# get_vsftpd.sh FOLDER: unpacks Debian's vsftpd into it. It is not installed: that would start it on the port of FTP.
[ -x "$1/usr/sbin/vsftpd" ] && exit 0
command -v apt-get > /dev/null && command -v dpkg > /dev/null || { echo "vsftpd: there is no apt-get"; exit 1; }
mkdir -p "$1" && cd "$1" || exit 1
get() {
    apt-get -q -o APT::Sandbox::User=root download vsftpd libwrap0
}
log=$({ get || { apt-get update && get; }; } 2>&1) && for package in ./*.deb; do dpkg -x "$package" . || exit 1; done && rm -f ./*.deb && exit 0
echo "vsftpd cannot be fetched:"
echo "$log" | tail -n 3
exit 1
