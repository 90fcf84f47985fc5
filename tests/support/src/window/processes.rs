//! What the kernel says of running processes.

use fs_err as fs;

/// The port on which a process listens, once it does.
pub(super) fn listening(process: u32) -> Option<u16> {
    const LISTEN: &str = "0A";
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?.strip_prefix("socket:[")?;
            Some(target.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        let ours = fields.get(3) == Some(&LISTEN) && sockets.iter().any(|own| own == fields[9]);
        ours.then(|| u16::from_str_radix(port, 16).ok())?
    })
}

/// The processes that `process` started and that still run.
pub(super) fn children(process: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|id| stat(*id).is_some_and(|stat| stat.parent == process))
        .collect()
}

/// User and system time of a process so far, in clock ticks; 0 once it has ended.
pub(super) fn ticks(process: u32) -> u64 {
    stat(process).map_or(0, |stat| stat.ticks)
}

/// Whether it runs; one that has ended and was not waited for does not.
pub(super) fn runs(process: u32) -> bool {
    stat(process).is_some_and(|stat| stat.state != "Z")
}

struct Stat {
    state: String,
    parent: u32,
    ticks: u64,
}

fn stat(process: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name and may hold anything, in parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    Some(Stat {
        state: (*fields.first()?).to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        ticks: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
    })
}
