//! What every bad input has in common.

use std::process::{Child, Command};

use bareboat_testkit::world;

use crate::bench::{Bench, said};

impl Bench {
    /// Starts a build and leaves it running.
    pub(crate) fn start(&self) -> Child {
        self.command(["build"]).spawn().unwrap()
    }

    /// Runs `bareboat build`, which must fail as it should: code 2, no answer, nothing written, one message.
    pub(crate) fn fails(&self) -> String {
        self.fails_with(&mut self.command(["build"]))
    }

    /// Builds an image of this name, which must succeed.
    pub(crate) fn builds_as(&self, name: &str) {
        let output = self.command(["build", "--quiet"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(self.path("project/.bareboat").join(name).is_dir());
    }

    /// As [`Bench::fails`], for another command.
    pub(crate) fn fails_with(&self, command: &mut Command) -> String {
        let before = self.listing("project");
        let output = command.output().unwrap();
        let message = said(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a failed build gives no answer");
        assert_eq!(message.matches("error:").count(), 1, "{message}");
        let written: Vec<_> = self.listing("project").difference(&before).cloned().collect();
        assert!(written.iter().all(|path| path == "bareboat.lock"), "half-written: {written:?}\n{message}");
        assert_eq!(self.leftovers(), Vec::<String>::new(), "{message}");
        message
    }

    /// Puts everything right, and shows that the cache of the failed run is good for it.
    pub(crate) fn builds_when_mended(&self) {
        self.mirror.mend();
        self.mirror.replace(world().files.clone());
        self.builds();
    }

    /// What the failed run left in the cache that no later run has a use for.
    fn leftovers(&self) -> Vec<String> {
        let names = self.listing("cache").into_iter();
        names.filter(|path| path.split('/').any(|name| name == "tmp") && path.contains("tmp/")).collect()
    }
}
