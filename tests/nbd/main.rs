//! Images as network block devices: with nbdinfo, nbdcopy, qemu-img and qemu-io, and with a client that misbehaves.

mod client;
mod clients;
mod hostile;
mod overlays;
mod scene;
mod trouble;
