//! What a person probably meant by a name that is not known.

/// Fewer letters than this begin too many names.
const SHORTEST_BEGINNING: usize = 4;

/// The name of `known` that is nearest to `given`, when one is near enough to be a slip of the hand, or begins with it.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let begun = known.iter().find(|name| given.len() >= SHORTEST_BEGINNING && name.starts_with(given));
    begun.copied().or_else(|| nearest_spelling(given, &known))
}

fn nearest_spelling<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|&name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|&(distance, name)| distance * 3 <= given.chars().count().max(name.chars().count()))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name_and_strangers_do_not() {
        let known = ["packages", "platforms", "prune"];
        for (given, expected) in [
            ("pakages", Some("packages")),
            ("platform", Some("platforms")),
            ("prnue", Some("prune")),
            ("plat", Some("platforms")),
            ("entrypoint", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }
}
