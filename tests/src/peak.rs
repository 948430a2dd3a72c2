//! How much memory a program took at its peak.

use std::process::{Command, Stdio};

/// Runs a command to its end, which has to be a success; returns the largest number of bytes that it had in memory.
///
/// Counted is at least what the calling process has in memory at that moment, since that is what a new process begins
/// with: keep large inputs in files.
#[expect(unsafe_code, reason = "the standard library waits for programs without asking what they took")]
#[expect(clippy::zombie_processes, reason = "it is waited for, by other means")]
pub fn peak(command: &mut Command) -> u64 {
    let child = command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let pid = i32::try_from(child.id()).expect("process ids are small");
    let mut status = 0;
    // SAFETY: all bits zero are a valid `rusage`, a struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to variables of the right type that live until the call is back. Nobody else waits for this
    // child: `Child` does so only when asked.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid, "{command:?}: {}", std::io::Error::last_os_error());
    assert_eq!(status, 0, "{command:?} failed");
    // Linux counts in KiB.
    u64::try_from(usage.ru_maxrss).expect("memory is not negative") << 10
}
