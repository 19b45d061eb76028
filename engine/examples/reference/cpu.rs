//! The processor time of this process, and of the server.

use std::{fs, io};

/// The processor time of all threads so far, in seconds, by the scheduler's own count, which is finer than the clock ticks of
/// `/proc/self/stat`. Threads that have ended are not in it; those that matter here live as long as the process.
pub(crate) fn seconds() -> io::Result<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        // One that ends meanwhile has no file any more.
        let Ok(counts) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds +=
            counts.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// The processor time of another process so far, in seconds, by the clock ticks that Linux counts: a hundred a second.
pub(crate) fn seconds_of(process: u32) -> io::Result<f64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name, in brackets, and may hold anything.
    let fields = line.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Ok(ticks as f64 / 100.0)
}
