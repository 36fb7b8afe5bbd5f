//! Answers of another server than the one that was asked, which redirected to it: what goes wrong with them names that server.

use bareboat_model::escape;
use ureq::Body;
use ureq::http::{Response, Uri};

use super::retry::Failure;

/// The server that answered in place of the one that was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Elsewhere(String);

impl Elsewhere {
    /// It is `HOST` or `HOST:PORT`.
    pub(crate) fn new(server: impl Into<String>) -> Self {
        Self(server.into())
    }

    /// The server that has what `asked` is about, if that is another one than `asked` names.
    pub(super) fn between(asked: &Uri, answered: &Uri) -> Option<Self> {
        let server = |uri: &Uri| {
            let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            uri.host().map(|host| host.to_owned() + &port)
        };
        server(answered).filter(|answered| server(asked).as_ref() != Some(answered)).map(Self)
    }

    /// Notes on an answer that it is this server's.
    pub(crate) fn mark(self, response: &mut Response<Body>) {
        response.extensions_mut().insert(self);
    }

    /// Who gave the answer, if it is not who was asked.
    pub(crate) fn of(response: &Response<Body>) -> Option<&Self> {
        response.extensions().get()
    }

    /// For a message.
    pub(crate) fn shown(&self) -> String {
        format!("`{}`", escape(&self.0))
    }

    /// Says of a failure that it is this server's.
    pub(crate) fn failing(&self, doing: &str, failure: Failure) -> Failure {
        failure.map(|error| error.context(format!("cannot {doing} {}", self.shown())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_server_is_named_and_never_with_a_password() {
        for (asked, answered, expected) in [
            ("http://a.test/x", "http://a.test/y", None),
            ("http://a.test/x", "https://a.test/x", None),
            ("http://me:secret@a.test/x", "http://me:secret@b.test/x", Some("`b.test`")),
            ("http://a.test/x", "http://a.test:8080/x", Some("`a.test:8080`")),
        ] {
            let found = Elsewhere::between(&asked.parse().unwrap(), &answered.parse().unwrap());
            assert_eq!(found.map(|server| server.shown()).as_deref(), expected, "{asked} {answered}");
        }
    }
}
