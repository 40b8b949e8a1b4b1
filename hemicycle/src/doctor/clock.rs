//! Whether this machine's clock is set by anybody: times of floods go into reports with legal deadlines, and records of
//! exporters and logs are put in order by it.

use std::process::{Command, Stdio};

use super::{Finding, State};

const NAME: &str = "clock";

/// Asks the programs that know, without the network: systemd and chrony.
pub(super) fn look() -> Finding {
    if let Some(answer) = said("timedatectl", &["show", "--property=NTPSynchronized", "--value"]) {
        return by_systemd(&answer);
    }
    if let Some(answer) = said("chronyc", &["-c", "tracking"]) {
        return by_chrony(&answer);
    }
    Finding::new(NAME, State::Unknown, "neither timedatectl nor chronyc answers here").do_this(
        "see to it that something sets the clock: chrony, systemd-timesyncd, or the host of this container",
    )
}

fn by_systemd(answer: &str) -> Finding {
    if answer.trim() == "yes" {
        return Finding::fine(NAME, "synchronised, says timedatectl");
    }
    Finding::new(NAME, State::Warning, "not synchronised, says timedatectl")
        .do_this("`timedatectl set-ntp true`, or run chrony against a time source of your own network")
}

/// Fields of `chronyc -c tracking`: the fifth is the offset in seconds, the last says whether it is synchronised.
fn by_chrony(answer: &str) -> Finding {
    let fields: Vec<&str> = answer.trim().split(',').collect();
    let offset = fields.get(4).and_then(|text| text.parse::<f64>().ok());
    match (fields.last(), offset) {
        (Some(&"Not synchronised"), _) | (_, None) => {
            Finding::new(NAME, State::Warning, "not synchronised, says chronyc")
                .do_this("`chronyc sources` shows which time sources answer")
        }
        (_, Some(offset)) if offset.abs() > 0.1 => {
            Finding::new(NAME, State::Warning, format!("{offset:.3} s off, says chronyc"))
                .do_this("`chronyc makestep`")
        }
        (_, Some(offset)) => {
            Finding::fine(NAME, format!("synchronised to {:.1} ms, says chronyc", offset.abs() * 1e3))
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_programs_say_is_understood() {
        assert_eq!(by_systemd("yes\n").state, State::Fine);
        assert_eq!(by_systemd("no\n").state, State::Warning);
        let tracking = |offset: &str, state: &str| {
            by_chrony(&format!(
                "C0000201,192.0.2.1,3,1732700000.1,{offset},0.0,0.0,1,0,0,0.1,0.1,64.0,{state}\n"
            ))
            .state
        };
        assert_eq!(tracking("0.000012", "Normal"), State::Fine);
        assert_eq!(tracking("-0.7", "Normal"), State::Warning);
        assert_eq!(tracking("0.0", "Not synchronised"), State::Warning);
        assert_eq!(by_chrony("").state, State::Warning);
    }
}
