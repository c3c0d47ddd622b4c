//! What a process used, as Linux tells it under `/proc`. Other systems tell nothing here, and the
//! figures are `null` there.

use std::fs;

/// `/proc` counts CPU time in ticks of this length, on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds of a process so far, in user and system mode together, to a hundredth.
pub(crate) fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    cpu_of(&stat)
}

/// The program's name may hold spaces and parentheses, so fields are counted from its end.
fn cpu_of(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// The most memory that a process ever held, in bytes.
pub(crate) fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_of(&status)
}

/// The memory that a process holds now, in bytes.
pub(crate) fn resident_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    memory_of(&status, "VmRSS:")
}

fn peak_of(status: &str) -> Option<u64> {
    memory_of(status, "VmHWM:")
}

fn memory_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// How many files a process that is started from here may have open at once.
pub(crate) fn most_open_files() -> Option<u64> {
    files_of(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn files_of(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_looks_like_fields_is_read_rightly() {
        let stat = "7 (a) b 1 2) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 5 1 2";
        assert_eq!(cpu_of(stat), Some(3.0));
        assert_eq!(cpu_of("nonsense"), None);
    }

    #[test]
    fn the_peak_is_given_in_bytes() {
        assert_eq!(
            peak_of("VmPeak:\t  9 kB\nVmHWM:\t     12 kB\n"),
            Some(12_288)
        );
        assert_eq!(peak_of("VmPeak:\t  9 kB\n"), None);
    }

    #[test]
    fn the_limit_of_files_is_the_one_that_holds_now() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(files_of(limits), Some(1_024));
        assert_eq!(
            files_of("Max open files  unlimited  unlimited  files\n"),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_something() {
        assert!(cpu_seconds(std::process::id()).is_some());
        assert!(peak_memory(std::process::id()).is_some_and(|bytes| bytes > 100_000));
    }
}
