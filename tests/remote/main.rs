//! casync at both ends of a pipe: with itself and with the C casync, by a stand-in for ssh and by a real sshd; and with
//! partners that leave, stall or lie.

mod cut;
mod helpers;
mod hostile;
mod messages;
mod pairs;
mod places;
mod recorded;
mod scene;
mod sftp;
mod sshd;
