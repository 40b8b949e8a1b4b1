//! Cores and the time spent on them.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Runs something with this thread on these cores; programs and threads started in it stay there.
///
/// # Errors
/// When this machine has no such core.
pub(crate) fn on_cores<T>(cores: &[usize], run: impl FnOnce() -> Result<T>) -> Result<T> {
    let this = Pid::from_raw(0);
    let before = sched_getaffinity(this)?;
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    sched_setaffinity(this, &set).with_context(|| format!("this machine has no cores {cores:?}"))?;
    let result = run();
    sched_setaffinity(this, &before)?;
    result
}

/// CPU time of a process and of everything that it started and that still runs, ended threads included.
pub(crate) fn time_of_tree(process: u32) -> Duration {
    tree(process).into_iter().filter_map(time_of).sum()
}

/// Highest resident memory of a process and of what it started, in bytes.
pub(crate) fn peak_memory_of_tree(process: u32) -> u64 {
    tree(process).into_iter().filter_map(|process| status_bytes(&process.to_string(), "VmHWM:")).sum()
}

/// Resident memory of a process and of what it started, in bytes.
pub(crate) fn memory_of_tree(process: u32) -> u64 {
    tree(process).into_iter().filter_map(|process| status_bytes(&process.to_string(), "VmRSS:")).sum()
}

/// Highest resident memory of this process so far, in bytes.
pub(crate) fn own_peak_memory() -> Option<u64> {
    status_bytes("self", "VmHWM:")
}

fn time_of(process: u32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process).ok()?)).ok()?;
    clock_gettime(clock).ok().map(Duration::from)
}

fn status_bytes(process: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

fn tree(process: u32) -> Vec<u32> {
    /// Enough for every program that is measured here.
    const MOST_PROCESSES: usize = 64;
    let mut found = vec![process];
    let mut next = 0;
    while let Some(&parent) = found.get(next).filter(|_| found.len() < MOST_PROCESSES) {
        next += 1;
        for task in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_of_this_process_are_known() {
        let own = std::process::id();
        let mut sum = 0u64;
        (0..3_000_000u64).for_each(|number| sum = std::hint::black_box(sum ^ number));
        assert!(time_of_tree(own) > Duration::ZERO);
        assert!(peak_memory_of_tree(own) > 100_000);
        assert!(own_peak_memory().unwrap() > 100_000);
    }

    #[test]
    fn cores_are_given_back() {
        let this = Pid::from_raw(0);
        let before = sched_getaffinity(this).unwrap();
        let Some(core) = (0..CpuSet::count()).find(|core| before.is_set(*core) == Ok(true)) else { return };
        let inside = on_cores(&[core], || Ok(sched_getaffinity(this)?)).unwrap();
        assert_eq!((0..CpuSet::count()).filter(|core| inside.is_set(*core) == Ok(true)).count(), 1);
        assert_eq!(sched_getaffinity(this).unwrap(), before);
        assert!(on_cores(&[1_023], || Ok(())).is_err());
    }
}
