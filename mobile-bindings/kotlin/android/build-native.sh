#!/usr/bin/env bash
# NOT RUN HERE. Builds libgridlog_ffi.so for every ABI into jniLibs/, and generates the Kotlin code.
# Needs the Android NDK (ANDROID_NDK_HOME), cargo-ndk (cargo install cargo-ndk) and the four Rust targets:
#   rustup target add aarch64-linux-android armv7-linux-androideabi x86_64-linux-android i686-linux-android
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
cargo xtask bindings kotlin
# As `cargo xtask wheel` builds it: the profile for phones, and less of OpenSSL.
export OPENSSL_SRC_PERL="$PWD/mobile-bindings/configure-openssl.sh"
# Phones are arm64-v8a and, the old ones, armeabi-v7a; the other two are emulators.
cargo ndk --target arm64-v8a --target armeabi-v7a --target x86_64 --target x86 --platform 26 \
  --output-dir mobile-bindings/kotlin/android/jniLibs \
  rustc --profile phone --package gridlog-ffi --lib --crate-type cdylib
