//! `bareboat login` and `bareboat logout`.

use std::io::{IsTerminal as _, Read as _};

use bareboat_io::registry::{self, Places};
use bareboat_model::{Context as _, Error, Reference, Result, escape};
use console::Term;
use serde::Serialize;

use crate::args::{Args, Format, Login, Logout};
use crate::build::{http_options, registry_options};
use crate::output::{Failure, answer, answer_json};
use crate::terminal::Terminal;

/// Tokens that stand in for passwords are a few thousand bytes long.
const LONGEST_PASSWORD: u64 = 64 << 10;

pub(crate) fn log_in(command: &Login, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Answer<'a> {
        registry: &'a str,
        user: &'a str,
        kept: &'a str,
    }
    let registry = host(&command.registry)?;
    let doing = || format!("cannot log in to `{registry}`");
    if command.password.is_some() {
        return Err(Error::new("a password on the command line is there for others to read")
            .with_hint("use --password-stdin, or let it be asked for")
            .context(doing())
            .into());
    }
    let user = match &command.user {
        Some(user) => user.clone(),
        None => ask(&format!("name at {registry}: "), Term::read_line).context(doing)?,
    };
    if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
        return Err(Error::new(format!("`{}` is no name", escape(&user))).context(doing()).into());
    }
    let password = match command.password_stdin {
        true => from_stdin(),
        false => ask(&format!("password of {user} at {registry}: "), Term::read_secure_line),
    };
    let password = password.context(doing)?;
    if password.is_empty() {
        return Err(Error::new("the password is empty").context(doing()).into());
    }
    let login = registry::Login { registry: &registry, user: &user, password: &password };
    let options = registry_options(&http_options(args, command.patience.timeout)?, args, terminal);
    let places = options.places.clone();
    login.check(options)?;
    let kept = login.keep(&places)?;
    terminal.finish();
    match args.story.format {
        Format::Text => answer(&format!("logged in to {registry} as {user}; kept in {kept}\n")),
        Format::Json => {
            answer_json("bareboat.login/1", &Answer { registry: &registry, user: &user, kept: &kept })
        }
    }
}

pub(crate) fn log_out(command: &Logout, args: &Args) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Answer<'a> {
        registry: &'a str,
        forgotten: &'a [String],
    }
    let registry = host(&command.registry)?;
    let forgotten = registry::log_out(&Places::from_env(), &registry)?;
    if args.story.format == Format::Json {
        return answer_json("bareboat.logout/1", &Answer { registry: &registry, forgotten: &forgotten });
    }
    answer(&match forgotten.is_empty() {
        true => format!("not logged in to {registry}\n"),
        false => format!("logged out of {registry}: removed from {}\n", forgotten.join(" and ")),
    })
}

/// `HOST[:PORT]`, also where somebody wrote an address.
fn host(text: &str) -> Result<String> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let bare = bare.trim_end_matches('/');
    let wrong =
        || Error::new(format!("`{}` is no registry", escape(text))).with_hint("write HOST or HOST:PORT");
    if bare.contains(['/', '@']) {
        return Err(wrong());
    }
    let image: Reference = format!("{bare}/x").parse().map_err(|_| wrong())?;
    // A word without dot and port is a part of a name on Docker's hub.
    let is_host = bare == image.registry() || bare == "index.docker.io";
    if is_host { Ok(image.registry().to_owned()) } else { Err(wrong()) }
}

fn from_stdin() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LONGEST_PASSWORD + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_PASSWORD {
        return Err(Error::new(format!("the password is longer than {LONGEST_PASSWORD} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::new("the password is not UTF-8"))?;
    // `echo` and editors end it with a line.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn ask(question: &str, read: impl FnOnce(&Term) -> std::io::Result<String>) -> Result<String> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::new("there is no terminal to ask on").with_hint(
            "give the name with --username, and the password on standard input with --password-stdin",
        ));
    }
    let terminal = Term::stderr();
    terminal.write_str(question)?;
    Ok(read(&terminal)?)
}
