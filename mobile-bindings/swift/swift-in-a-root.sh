#!/bin/sh
# Runs `swift` from a Debian 13 that lies in a folder, for a machine whose system carries none, such as Debian 12.
#
#   apt-get install mmdebstrap
#   mmdebstrap --variant=apt --include=swiftlang,gcc,libc6-dev,libstdc++-14-dev,binutils trixie /opt/swift-root
#   SWIFT=mobile-bindings/swift/swift-in-a-root.sh cargo xtask test swift
#
# It takes 2.5 GB of disk, runs as root, and sees this repository, its target folder and /tmp where they are outside.
set -eu
root=${SWIFT_ROOT:-/opt/swift-root}
here=$(cd "$(dirname "$0")/../.." && pwd -P)
[ -d "$root/usr/libexec/swift" ] || { echo "no Swift in $root; see the head of $0" >&2; exit 127; }
export SWIFT_ROOT="$root" SWIFT_SEES="$here" SWIFT_BEGINS_IN="$PWD"
# A mount namespace of its own: what is bound here is seen by nobody else, and goes with this process.
exec unshare --mount --propagation private sh -euc '
  for folder in "$SWIFT_SEES" "${CARGO_TARGET_DIR:-$SWIFT_SEES}" /tmp /proc /dev; do
    mkdir -p "$SWIFT_ROOT$folder"
    mount --rbind "$folder" "$SWIFT_ROOT$folder"
  done
  exec chroot "$SWIFT_ROOT" sh -euc "cd \"\$SWIFT_BEGINS_IN\" && exec swift \"\$@\"" swift "$@"
' swift "$@"
