//! `commandTests`: a program behaves.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bareboat_model::Result;

use super::content::matched;
use super::expand::expand;
use super::go_regex::as_go_sees;
use super::report::{Failure, Ran, kept};
use super::schema::CommandTest;
use super::subject::{Containers, End, Ended, Terms};

/// What came of a command test.
pub(super) struct Checked {
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
    pub(super) ran: Option<Ran>,
}

/// `env` is what the container has: of the image, the file and this machine. The test's own comes on top.
pub(super) fn check(
    test: &CommandTest,
    containers: &dyn Containers,
    terms: &Terms,
    env: &BTreeMap<String, String>,
) -> Result<Checked> {
    let env = with(env, &test.env);
    let command: Vec<String> = test.command.iter().map(|word| expanded(word, &env)).collect();
    let mut commands = test.setup.clone();
    commands.push(command.clone());
    commands.extend(test.teardown.iter().cloned());
    let pairs: Vec<(String, String)> = env.into_iter().collect();
    let ended = containers.run(terms, &pairs, &commands)?;
    let mut checked = Checked { failures: Vec::new(), notes: Vec::new(), ran: None };
    for (number, (line, ended)) in commands.iter().zip(&ended).enumerate() {
        match number.cmp(&test.setup.len()) {
            Ordering::Less => checked.failures.extend(prepared("setup", line, ended, &mut checked.notes)),
            Ordering::Equal => {
                checked.failures.extend(judge(test, &command, ended));
                checked.ran = Some(ran(ended));
            }
            Ordering::Greater => {
                let failure = prepared("teardown", line, ended, &mut checked.notes);
                checked.notes.extend(failure.map(|failure| failure.to_string()));
            }
        }
    }
    if checked.ran.is_none() && checked.failures.is_empty() {
        checked.failures.push(Failure::new(shown(&command), "it to run", "nothing of it"));
    }
    Ok(checked)
}

fn ran(ended: &Ended) -> Ran {
    Ran {
        exit_code: if let End::Exited(code) = ended.how { Some(code) } else { None },
        stdout: kept(&as_go_sees(&ended.stdout)),
        stderr: kept(&as_go_sees(&ended.stderr)),
        seconds: ended.took.as_secs_f64(),
    }
}

fn shown(command: &[String]) -> String {
    format!("`{}`", command.join(" "))
}

/// Variables on top of others, whose values they may name.
pub(super) fn with(
    env: &BTreeMap<String, String>,
    more: &[super::schema::Variable],
) -> BTreeMap<String, String> {
    let mut all = env.clone();
    all.extend(more.iter().map(|variable| (variable.key.clone(), expanded(&variable.value, env))));
    all
}

fn expanded(text: &str, env: &BTreeMap<String, String>) -> String {
    expand(text, |name| env.get(name).cloned().unwrap_or_default())
}

/// The original asks only that it runs: an exit code is noted, and no failure.
fn prepared(what: &str, command: &[String], ended: &Ended, notes: &mut Vec<String>) -> Option<Failure> {
    let what = format!("{what} {}", shown(command));
    match &ended.how {
        End::Exited(0) => None,
        End::Exited(code) => {
            notes.push(format!("{what} ended with exit code {code}: {}", last_words(ended)));
            None
        }
        how => Some(not_ended(&what, how)),
    }
}

fn last_words(ended: &Ended) -> String {
    let text = if ended.stderr.is_empty() { &ended.stdout } else { &ended.stderr };
    as_go_sees(text).lines().next_back().unwrap_or("it said nothing").to_owned()
}

fn not_ended(what: &str, how: &End) -> Failure {
    match how {
        End::Exited(code) => Failure::new(what, "it to run", format!("exit code {code}")),
        End::TooLong(limit) => Failure::new(
            what,
            format!("an end within {} s", limit.as_secs_f64()),
            "it still running, and ended it",
        ),
        End::TooMuch(limit) => {
            Failure::new(what, format!("at most {limit} bytes of output"), "more, and ended it")
        }
        End::NotStarted(why) => Failure::new(what, "it to start", why),
    }
}

fn judge(test: &CommandTest, command: &[String], ended: &Ended) -> Vec<Failure> {
    let End::Exited(code) = ended.how else {
        return vec![not_ended(&shown(command), &ended.how)];
    };
    let mut failures = matched("stderr", &ended.stderr, &test.expected_error, &test.excluded_error);
    failures.extend(matched("stdout", &ended.stdout, &test.expected_output, &test.excluded_output));
    if code != test.exit_code {
        let said = match (ended.stderr.is_empty(), code) {
            // Whoever reads a failure without a reason wants the program's own words.
            (false, _) if failures.is_empty() => format!("{code}: {}", last_words(ended)),
            _ => code.to_string(),
        };
        failures.push(Failure::new("exit code", test.exit_code.to_string(), said));
    }
    failures
}
