#!/bin/sh
# Stands for perl where the phone's library is built (OPENSSL_SRC_PERL, which the crate openssl-src obeys), and leaves
# everything out of OpenSSL that its configuration can spare. SQLCipher needs AES, SHA and random numbers; OpenSSL's
# table of algorithms would bring all the others along, for 1.9 MB. docs/decisions/0023-the-library-on-phones.md says more.
exec "${PERL:-perl}" "$@" no-bulk
