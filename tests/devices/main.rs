//! Images as block devices: loop devices here, the kernel's network block devices in a virtual machine.

mod kernel;
mod life;
mod loops;
mod names;
mod overlays;
mod scene;
