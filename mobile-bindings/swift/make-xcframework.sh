#!/bin/sh
# NOT RUN HERE: it takes a Mac with Xcode 16.
#
# Builds GridlogFFI.xcframework, the engine for phones, simulators and Macs, beside Package.swift, which then is a package
# that an app adds as it is. With `--zip` also the archive that a package on a server names by its checksum.
#
#   rustup target add aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
cd "$here/../.."
target=${CARGO_TARGET_DIR:-target}
framework=$here/GridlogFFI.xcframework
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What Package.swift asks of a system; cargo hands it to the linker.
export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0

cargo xtask bindings swift

# As `cargo xtask wheel` builds it: the profile for phones, and less of OpenSSL.
export OPENSSL_SRC_PERL="$PWD/mobile-bindings/configure-openssl.sh"
for platform in aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin; do
  # An app links the engine into itself: Apple's stores take no loose libraries.
  cargo rustc --profile phone --package gridlog-ffi --lib --target "$platform" --crate-type staticlib
done

headers=$work/headers
mkdir -p "$headers/GridlogFFI" "$work/simulator" "$work/mac"
cp "$here/generated/GridlogFFI.h" "$headers/GridlogFFI/"
# In a folder of its own: Xcode puts the headers of every framework into one.
cp "$here/generated/GridlogFFI.modulemap" "$headers/GridlogFFI/module.modulemap"

built() { echo "$target/$1/phone/libgridlog_ffi.a"; }
lipo -create "$(built aarch64-apple-ios-sim)" "$(built x86_64-apple-ios)" -output "$work/simulator/libgridlog_ffi.a"
lipo -create "$(built aarch64-apple-darwin)" "$(built x86_64-apple-darwin)" -output "$work/mac/libgridlog_ffi.a"

rm -rf "$framework"
xcodebuild -create-xcframework \
  -library "$(built aarch64-apple-ios)" -headers "$headers" \
  -library "$work/simulator/libgridlog_ffi.a" -headers "$headers" \
  -library "$work/mac/libgridlog_ffi.a" -headers "$headers" \
  -output "$framework"

if [ "${1:-}" = --zip ]; then
  ditto -c -k --keepParent "$framework" "$framework.zip"
  echo "checksum: $(swift package compute-checksum "$framework.zip")"
fi
