//! What a process has used, from Linux's `/proc`: proc(5).

use std::fs;
use std::io;
use std::time::Duration;

/// The processor time of all threads of a process. The scheduler counts it in nanoseconds, `utime` and `stime` in
/// hundredths of a second: too coarse for a turn of a second.
pub(crate) fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = match fs::read_to_string(thread?.path().join("schedstat")) {
            Ok(text) => text,
            // The thread has ended since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let time: Option<u64> = text.split(' ').next().and_then(|it| it.parse().ok());
        nanoseconds += time.ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// How long ago a process started. Hundredths of a second.
pub(crate) fn age(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Field 22, counted behind the name in parentheses, which is field 2 and may hold blanks.
    let started = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(19)?.parse::<u64>().ok());
    let uptime = fs::read_to_string("/proc/uptime")?;
    let uptime: Option<f64> = uptime.split(' ').next().and_then(|it| it.parse().ok());
    let (Some(started), Some(uptime)) = (started, uptime) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let started = started as f64 / rustix::param::clock_ticks_per_second() as f64;
    Ok(Duration::from_secs_f64((uptime - started).max(0.0)))
}

/// The memory of a process, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
}

/// Reads the memory of a process.
pub(crate) fn memory(pid: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    let (Some(resident), Some(peak)) = (field("VmRSS:"), field("VmHWM:")) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    Ok(Memory { resident, peak })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        let before = cpu_time(own).expect("schedstat");
        let mut sum = 0_u64;
        while cpu_time(own).expect("schedstat") == before {
            sum = std::hint::black_box(sum + 1);
        }
        let memory = memory(own).expect("status");
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        assert!(age(own).expect("stat") < Duration::from_secs(24 * 3600));
    }
}
