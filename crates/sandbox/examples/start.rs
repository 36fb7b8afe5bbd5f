//! How long a sandbox takes from its start to the exit of its program, without the command around it: for bench/sandbox.
//! Usage: start ROOT PROGRAM REPETITIONS; prints the median in milliseconds.

use std::ffi::OsString;
use std::io::Write as _;
use std::time::Instant;

use bareboat_sandbox::{Output, Sandbox};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [root, program, repetitions] = &words[..] else {
        return Err("start ROOT PROGRAM REPETITIONS".into());
    };
    let mut sandbox = Sandbox::new(root);
    sandbox.output = Output::Capture { limit: 1 << 20 };
    let mut times = Vec::new();
    for _ in 0..repetitions.to_string_lossy().parse()? {
        let started = Instant::now();
        let outcome = sandbox.run(std::slice::from_ref(program))?;
        times.push(started.elapsed());
        if outcome.status.code() != 0 {
            return Err(format!("exit code {}", outcome.status.code()).into());
        }
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    writeln!(std::io::stdout(), "{:.3}", median.as_secs_f64() * 1e3)?;
    Ok(())
}
