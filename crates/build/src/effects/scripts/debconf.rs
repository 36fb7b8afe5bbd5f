//! debconf's questions: answered as nobody would, with what the templates propose (debconf-devel(7)).

use super::flow::Truth;
use super::follow::{Follower, Value};

pub(super) fn run(follower: &mut Follower<'_, '_>, name: &str, arguments: &[Value]) -> Option<Truth> {
    let command = name.strip_prefix("db_")?;
    let first = arguments.first().cloned().flatten();
    match command {
        "get" => {
            let answer = first.and_then(|question| follower.answer(&question));
            let truth = if answer.is_some() { Truth::Yes } else { Truth::Unknown };
            follower.assign("RET", answer);
            Some(truth)
        }
        "set" => {
            if let Some(question) = first {
                let answer = arguments.get(1).cloned().unwrap_or_else(|| Some(String::new()));
                follower.set_answer(&question, answer);
            }
            Some(Truth::Yes)
        }
        "fget" => {
            follower.assign("RET", Some("false".to_owned()));
            Some(Truth::Yes)
        }
        "metaget" => {
            follower.assign("RET", None);
            Some(Truth::Yes)
        }
        // Nobody is there to be asked.
        "input" => Some(Truth::No),
        _ => Some(Truth::Yes),
    }
}
