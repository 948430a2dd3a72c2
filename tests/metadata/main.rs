//! Every kind of metadata on every file system that this machine can mount, here and with the C casync.

mod existing;
mod left_out;
mod rare;
mod refused;
mod round_trip;
mod unprivileged;
