//! The machine that a figure was measured on.

use std::fs;
use std::path::Path;

/// One line: processor, cores, kernel, load.
pub(crate) fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split(": ").nth(1)))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!("{model}, {cores} cores, kernel {}, load {}", kernel.trim(), load.join(" "))
}

/// The command as it was given, but for places that only this machine has: `--data FOLDER` is what others can run too.
pub(crate) fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).map(|argument| elsewhere(&argument)).collect();
    format!("lab {}", arguments.join(" "))
}

/// An argument, with a path that leads out of the repository made a word for it.
fn elsewhere(argument: &str) -> String {
    let (option, value) = match argument.split_once('=') {
        Some((option, value)) => (format!("{option}="), value),
        None => (String::new(), argument),
    };
    let path = Path::new(value);
    if path.is_absolute() || path.starts_with("..") { format!("{option}FOLDER") } else { argument.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_machine_are_not_written_down() {
        for (given, written) in [
            ("../captures", "FOLDER"),
            ("--data=../captures", "--data=FOLDER"),
            ("/srv/captures", "FOLDER"),
            ("data/captures", "data/captures"),
            ("--parts", "--parts"),
            ("--seed=7", "--seed=7"),
            ("..hidden", "..hidden"),
        ] {
            assert_eq!(elsewhere(given), written);
        }
    }
}
