//! `test`, `[` and `[[`: asked of the tree as it is when the script comes there.

use bareboat_model::ImagePath;

use super::expand;
use super::flow::Truth;
use super::follow::{Follower, Value};
use crate::tree::{Kind, Node, Owner};

pub(super) fn run(follower: &Follower<'_, '_>, name: &str, arguments: &[Value]) -> Option<Truth> {
    let arguments = match (name, arguments.split_last()) {
        ("test", _) => arguments,
        ("[", Some((Some(last), rest))) if last == "]" => rest,
        ("[[", Some((Some(last), rest))) if last == "]]" => rest,
        ("[" | "[[", _) => return Some(Truth::Unknown),
        _ => return None,
    };
    let mut asked = Asked { follower, words: arguments, at: 0, patterns: name == "[[" };
    let truth = asked.any();
    Some(if asked.at == arguments.len() { truth } else { Truth::Unknown })
}

struct Asked<'a, 'f, 's> {
    follower: &'a Follower<'f, 's>,
    words: &'a [Value],
    at: usize,
    patterns: bool,
}

impl Asked<'_, '_, '_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead)?.as_deref()
    }

    fn left(&self) -> usize {
        self.words.len() - self.at
    }

    fn any(&mut self) -> Truth {
        let mut truth = self.all();
        while matches!(self.word(0), Some("-o" | "||")) {
            self.at += 1;
            truth = match (truth, self.all()) {
                (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
                (Truth::No, Truth::No) => Truth::No,
                _ => Truth::Unknown,
            };
        }
        truth
    }

    fn all(&mut self) -> Truth {
        let mut truth = self.one();
        while matches!(self.word(0), Some("-a" | "&&")) {
            self.at += 1;
            truth = match (truth, self.one()) {
                (Truth::No, _) | (_, Truth::No) => Truth::No,
                (Truth::Yes, Truth::Yes) => Truth::Yes,
                _ => Truth::Unknown,
            };
        }
        truth
    }

    fn one(&mut self) -> Truth {
        // `[ ]` does not hold, `[ X ]` asks whether X is empty, and two words are an operator and a value.
        if self.left() == 0 {
            return Truth::No;
        }
        if self.word(0) == Some("!") && self.left() > 1 {
            self.at += 1;
            // Linear in the words: each takes one away.
            return if self.at > 40 { Truth::Unknown } else { self.one().not() };
        }
        if let Some(truth) = self.comparison() {
            self.at += 3;
            return truth;
        }
        if self.word(0) == Some("(") && self.left() > 2 && self.at < 40 {
            self.at += 1;
            let truth = self.any();
            self.at += 1;
            return truth;
        }
        if let Some(operator) = self.word(0).filter(|word| is_unary(word)).filter(|_| self.left() > 1) {
            let value = &self.words[self.at + 1];
            let truth = self.unary(operator, value.as_deref());
            self.at += 2;
            return truth;
        }
        let truth = self.words[self.at].as_deref().map_or(Truth::Unknown, |word| Truth::of(!word.is_empty()));
        self.at += 1;
        truth
    }

    fn comparison(&self) -> Option<Truth> {
        if self.left() < 3 {
            return None;
        }
        let operator = self.word(1)?;
        let (left, right) = (self.words[self.at].as_deref(), self.words[self.at + 2].as_deref());
        let texts = left.zip(right);
        let numbers =
            texts.map(|(left, right)| left.trim().parse::<i64>().ok().zip(right.trim().parse().ok()));
        let by_number = |holds: fn(i64, i64) -> bool| match numbers {
            Some(Some((left, right))) => Truth::of(holds(left, right)),
            Some(None) => Truth::No,
            None => Truth::Unknown,
        };
        let equal = || match texts {
            Some((left, right)) if self.patterns && left.len() * right.len() > 1 << 20 => Truth::Unknown,
            Some((left, right)) if self.patterns => Truth::of(expand::matches(right, left)),
            Some((left, right)) => Truth::of(left == right),
            None => Truth::Unknown,
        };
        Some(match operator {
            "=" | "==" => equal(),
            "!=" => equal().not(),
            "-eq" => by_number(|left, right| left == right),
            "-ne" => by_number(|left, right| left != right),
            "-lt" => by_number(|left, right| left < right),
            "-le" => by_number(|left, right| left <= right),
            "-gt" => by_number(|left, right| left > right),
            "-ge" => by_number(|left, right| left >= right),
            "-nt" | "-ot" | "-ef" | "<" | ">" | "=~" => Truth::Unknown,
            _ => return None,
        })
    }

    fn unary(&self, operator: &str, value: Option<&str>) -> Truth {
        let Some(value) = value else { return Truth::Unknown };
        match operator {
            "-n" => return Truth::of(!value.is_empty()),
            "-z" => return Truth::of(value.is_empty()),
            "-t" => return Truth::No,
            _ => {}
        }
        if value.is_empty() {
            return Truth::No;
        }
        // What the kernel shows is not in an image.
        let of_kernel = ["/proc/", "/sys/", "/dev/"].iter().any(|directory| value.starts_with(directory));
        let Ok(path) = ImagePath::absolute(value) else { return Truth::Unknown };
        if of_kernel {
            return Truth::Unknown;
        }
        let system = &self.follower.system;
        let is_own = |node: &Node| match &node.owner {
            Owner::Package(name) => self.follower.before_unpacking && **name == *self.follower.package.name,
            _ => false,
        };
        if matches!(operator, "-L" | "-h") {
            let entry = system.entry(&path).filter(|(_, node)| !is_own(node));
            let link = entry.is_some_and(|(_, node)| matches!(node.kind, Kind::Symlink(_)));
            return Truth::of(link);
        }
        if path.is_root() {
            return Truth::of(matches!(operator, "-e" | "-d" | "-r" | "-w" | "-x"));
        }
        let found = system.tree.lookup(&path).filter(|(_, node)| !is_own(node));
        let Some((_, node)) = found else { return Truth::No };
        match operator {
            "-e" | "-r" | "-w" => Truth::Yes,
            "-f" => Truth::of(node.content().is_some()),
            "-d" => Truth::of(node.is_directory()),
            "-x" => Truth::of(node.is_directory() || node.mode & 0o111 != 0),
            "-s" => match (node.is_directory(), system.content(&path)) {
                (true, _) => Truth::Yes,
                (false, Some(content)) => Truth::of(content.size() > 0),
                (false, None) => Truth::Unknown,
            },
            "-u" => Truth::of(node.mode & 0o4000 != 0),
            "-g" => Truth::of(node.mode & 0o2000 != 0),
            "-k" => Truth::of(node.mode & 0o1000 != 0),
            "-O" => Truth::of(node.uid == self.follower.user),
            "-G" => Truth::of(
                system
                    .accounts
                    .users
                    .iter()
                    .any(|user| user.uid == self.follower.user && user.gid == node.gid),
            ),
            "-b" | "-c" | "-p" | "-S" => Truth::No,
            _ => Truth::Unknown,
        }
    }
}

fn is_unary(word: &str) -> bool {
    matches!(
        word,
        "-n" | "-z"
            | "-t"
            | "-e"
            | "-f"
            | "-d"
            | "-x"
            | "-r"
            | "-w"
            | "-s"
            | "-L"
            | "-h"
            | "-u"
            | "-g"
            | "-k"
            | "-b"
            | "-c"
            | "-p"
            | "-S"
            | "-O"
            | "-G"
            | "-N"
    )
}
