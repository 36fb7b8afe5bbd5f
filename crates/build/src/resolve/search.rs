//! Looks for a set of packages that holds together: greedy as apt, and stepping back where greed leads nowhere.
//!
//! One level for each choice that was made. The goals still to be met are a list shared by all levels, so that going
//! back to a level brings its goals back. Where no choice is left, the search goes back to the latest level that has
//! part in the failure, not to the latest of all (conflict-directed backjumping: Prosser, "Hybrid algorithms for the
//! constraint satisfaction problem", 1993). Nothing recurses: an archive may nest dependencies as deep as it likes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use bareboat_model::{Alternatives, Error, Relation, Result};

use super::impossible;
use super::preference::Preference;
use super::satisfy::Relations;
use super::universe::{PackageId, Universe};
use super::{LeftOut, Request, Resolution, Selected, Why};

/// Dead ends before the search gives up. Debian's archive needs a handful; each costs some microseconds.
const MAX_DEAD_ENDS: usize = 5_000;

/// Dead ends that the error message tells of, when there is no answer at all.
const TOLD_DEAD_ENDS: usize = 3;

/// A running search.
#[derive(Debug)]
pub(super) struct Search<'u, 'r> {
    pub(super) universe: &'u Universe<'u>,
    pub(super) request: &'r Request,
    pub(super) preference: Preference<'u, 'r>,
    pub(super) levels: Vec<Level>,
    relations: HashMap<PackageId, Rc<Relations>>,
    goals: Vec<Goal>,
    /// The level that chose the package of this name.
    chosen: HashMap<&'u str, usize>,
    /// What chosen packages refuse, by the name refused; with the level of who refuses.
    refused: HashMap<String, Vec<(usize, Relation)>>,
    dead_ends: usize,
}

/// The place of a goal in [`Search::goals`].
type GoalId = usize;

/// Something to be met, and what comes after it.
#[derive(Debug)]
struct Goal {
    want: Want,
    next: Option<GoalId>,
}

/// What a choice is for.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// A package of the base image, to stay as it is.
    Installed(PackageId),
    /// The request's package with this number.
    Requested(usize),
    /// The dependencies of all requested packages: apt takes them after the last request.
    NeedsOfRequested,
    /// A dependency of the package that was chosen at the level `by`.
    Need { by: usize, group: Rc<Alternatives> },
}

/// One choice.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) want: Want,
    /// What can be tried, as far as it was looked up.
    options: Vec<Choice>,
    /// How many of the options have been tried.
    tried: usize,
    /// How many of the alternatives have been looked up.
    looked_up: usize,
    /// Earlier levels that made some option impossible.
    culprits: BTreeSet<usize>,
    /// Why the options that were tried are impossible.
    pub(super) clashes: Vec<Clash>,
    /// The dead ends further on that led back here, in words.
    stories: Vec<String>,
    goal: GoalId,
    /// How many goals there were before this level added its own.
    goals_before: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Choice {
    Install(PackageId),
    /// Not to follow the dependency, as the request wants.
    LeaveOut,
}

/// A package that cannot be chosen because of one that is.
#[derive(Debug)]
pub(super) struct Clash {
    pub(super) package: PackageId,
    /// The level of the package that stands in the way.
    pub(super) with: usize,
}

impl Level {
    /// Whether it chose what the base image has.
    fn is_of_image(&self) -> bool {
        matches!(self.want, Want::Installed(id) if self.package() == Some(id))
    }

    /// The package that is chosen at present.
    pub(super) fn package(&self) -> Option<PackageId> {
        match self.options.get(self.tried.checked_sub(1)?)? {
            Choice::Install(id) => Some(*id),
            Choice::LeaveOut => None,
        }
    }
}

impl<'u, 'r> Search<'u, 'r> {
    pub(super) fn new(universe: &'u Universe<'u>, request: &'r Request) -> Result<Self> {
        Ok(Self {
            universe,
            request,
            preference: Preference::new(universe, request)?,
            levels: Vec::new(),
            relations: HashMap::new(),
            goals: Vec::new(),
            chosen: HashMap::new(),
            refused: HashMap::new(),
            dead_ends: 0,
        })
    }

    /// Meets goal after goal until none is left.
    pub(super) fn run(mut self) -> Result<Resolution<'u>> {
        let last = self.push_goals(vec![Want::NeedsOfRequested], None);
        let requests = self.push_goals((0..self.request.packages.len()).map(Want::Requested).collect(), last);
        let installed = self.preference.installed().into_iter().map(Want::Installed).collect();
        let mut next = self.push_goals(installed, requests);
        while let Some(goal) = next {
            let after = self.goals[goal].next;
            next = match self.goals[goal].want.clone() {
                Want::NeedsOfRequested => {
                    let requested = |level: &usize| matches!(self.levels[*level].want, Want::Requested(_));
                    let levels: Vec<usize> = (0..self.levels.len()).filter(requested).collect();
                    let needs =
                        levels.into_iter().map(|level| self.needs(level)).collect::<Result<Vec<_>>>()?;
                    self.push_goals(needs.into_iter().flatten().collect(), after)
                }
                want if self.is_met(&want) => after,
                want => {
                    self.open_level(goal, want)?;
                    self.choose()?
                }
            };
        }
        Ok(self.finish())
    }

    /// Puts goals in front of `after`, and gives the first.
    fn push_goals(&mut self, wants: Vec<Want>, after: Option<GoalId>) -> Option<GoalId> {
        wants.into_iter().rev().fold(after, |next, want| {
            self.goals.push(Goal { want, next });
            Some(self.goals.len() - 1)
        })
    }

    fn open_level(&mut self, goal: GoalId, want: Want) -> Result<()> {
        let install = |ids: Vec<PackageId>| ids.into_iter().map(Choice::Install).collect();
        let options = match &want {
            Want::Requested(at) => install(self.preference.requested(&self.request.packages[*at])?),
            // If it stands in the way as it is, the archive's version may take its place.
            Want::Installed(id) => {
                let name = self.universe.get(*id).name();
                install([vec![*id], self.preference.versions(name)].concat())
            }
            _ => Vec::new(),
        };
        self.levels.push(Level {
            want,
            options,
            tried: 0,
            looked_up: 0,
            culprits: BTreeSet::new(),
            clashes: Vec::new(),
            stories: Vec::new(),
            goal,
            goals_before: self.goals.len(),
        });
        Ok(())
    }

    /// What the level `at` can try next. Looks up an alternative only when those before it lead nowhere.
    fn next_option(&mut self, at: usize) -> Option<Choice> {
        loop {
            let level = &mut self.levels[at];
            if let Some(&choice) = level.options.get(level.tried) {
                level.tried += 1;
                return Some(choice);
            }
            let Want::Need { group, .. } = &level.want else { return None };
            let group = Rc::clone(group);
            let relation = group.0.get(level.looked_up)?;
            level.looked_up += 1;
            let more = self.options_for(relation);
            let options = &mut self.levels[at].options;
            let mut known: HashSet<Choice> = options.iter().copied().collect();
            options.extend(more.into_iter().filter(|choice| known.insert(*choice)));
        }
    }

    /// The packages that meet `relation`; where one is among those to do without, the leave to go without stands in
    /// its place.
    fn options_for(&self, relation: &Relation) -> Vec<Choice> {
        if self.goes_without(&relation.name) {
            return vec![Choice::LeaveOut];
        }
        let choice = |id| match self.goes_without(self.universe.get(id).name()) {
            true => Choice::LeaveOut,
            false => Choice::Install(id),
        };
        self.preference.meeting(relation).into_iter().map(choice).collect()
    }

    fn goes_without(&self, name: &str) -> bool {
        self.request.without.contains(name) && !self.request.packages.iter().any(|asked| asked.name == name)
    }

    fn is_met(&self, want: &Want) -> bool {
        match want {
            Want::NeedsOfRequested | Want::Installed(_) => false,
            Want::Requested(at) => {
                let name = &*self.request.packages[*at].name;
                self.chosen.contains_key(name)
                    || (self.universe.named(name).is_empty()
                        && self.chooser_of(&Relation::any_version(name)).is_some())
            }
            Want::Need { group, .. } => group.0.iter().any(|relation| self.chooser_of(relation).is_some()),
        }
    }

    /// The level that chose a package which meets `relation`, if one did.
    fn chooser_of(&self, relation: &Relation) -> Option<usize> {
        let level_of = |id| {
            let level = *self.chosen.get(self.universe.get(id).name())?;
            (self.levels[level].package() == Some(id)).then_some(level)
        };
        let by_name = || {
            let level = *self.chosen.get(&*relation.name)?;
            let id = self.levels[level].package()?;
            self.universe.meets_by_name(id, relation).then_some(level)
        };
        by_name()
            .or_else(|| self.universe.providing(relation).find_map(|provider| level_of(provider.package)))
    }

    /// Takes the next option of the last level that does not clash, going back where there is none. Gives the next goal.
    fn choose(&mut self) -> Result<Option<GoalId>> {
        loop {
            let at = self.levels.len() - 1;
            let Some(choice) = self.next_option(at) else {
                self.step_back()?;
                continue;
            };
            let Choice::Install(package) = choice else {
                return Ok(self.goals[self.levels[at].goal].next);
            };
            match self.clash(package)? {
                None => return self.install(at, package),
                Some(with) => {
                    self.levels[at].culprits.insert(with);
                    self.levels[at].clashes.push(Clash { package, with });
                }
            }
        }
    }

    /// The level of a chosen package that `package` cannot stand beside: another version of it, or because one of the
    /// two conflicts with the other or breaks it. A package may refuse a name that it provides itself.
    fn clash(&mut self, package: PackageId) -> Result<Option<usize>> {
        let relations = self.relations(package)?;
        let name = self.universe.get(package).name();
        let refuses_me = |name: &str| {
            let refusals = self.refused.get(name)?;
            refusals
                .iter()
                .find(|(_, refused)| self.universe.meets(package, refused))
                .map(|&(level, _)| level)
        };
        Ok(self
            .chosen
            .get(name)
            .copied()
            .or_else(|| relations.refuses.iter().find_map(|refused| self.chooser_of(refused)))
            .or_else(|| refuses_me(name))
            .or_else(|| relations.provides.iter().find_map(|provided| refuses_me(&provided.name))))
    }

    /// Chooses `package` at the last level, and gives the next goal: what it needs, or the next request.
    fn install(&mut self, at: usize, package: PackageId) -> Result<Option<GoalId>> {
        let relations = self.relations(package)?;
        self.chosen.insert(self.universe.get(package).name(), at);
        for refused in &relations.refuses {
            self.refused.entry(refused.name.clone()).or_default().push((at, refused.clone()));
        }
        let after = self.goals[self.levels[at].goal].next;
        match self.levels[at].want {
            Want::Need { .. } | Want::Installed(_) => {
                let needs = self.needs(at)?;
                Ok(self.push_goals(needs, after))
            }
            _ => Ok(after),
        }
    }

    /// What the package that `level` chose needs.
    fn needs(&mut self, level: usize) -> Result<Vec<Want>> {
        let Some(package) = self.levels[level].package() else {
            return Ok(Vec::new());
        };
        if self.levels[level].is_of_image() {
            return Ok(Vec::new());
        }
        let relations = self.relations(package)?;
        Ok(relations.needs.iter().map(|group| Want::Need { by: level, group: Rc::clone(group) }).collect())
    }

    /// Goes back from the last level, which has no option left, to the latest that has part in its failure.
    fn step_back(&mut self) -> Result<()> {
        self.dead_ends += 1;
        if self.dead_ends > MAX_DEAD_ENDS {
            let error = format!("no answer after {MAX_DEAD_ENDS} dead ends");
            return Err(Error::new(error).with_hint("ask for one of the alternatives by name"));
        }
        let Some(mut failed) = self.levels.pop() else {
            return Ok(());
        };
        if failed.stories.is_empty() || !failed.clashes.is_empty() {
            failed.stories.push(impossible::story(self, &failed));
        }
        let mut culprits = failed.culprits;
        if let Want::Need { by, .. } = failed.want {
            culprits.insert(by);
        }
        let Some(target) = culprits.pop_last() else {
            return Err(impossible::error(&failed.stories));
        };
        self.undo_down_to(target);
        let level = &mut self.levels[target];
        level.culprits.append(&mut culprits);
        level.stories.append(&mut failed.stories);
        level.stories.truncate(TOLD_DEAD_ENDS);
        Ok(())
    }

    /// Drops all levels above `target`, and the choice that was made there.
    fn undo_down_to(&mut self, target: usize) {
        for at in (target..self.levels.len()).rev() {
            if let Some(package) = self.levels[at].package() {
                self.chosen.remove(self.universe.get(package).name());
                for refused in self.relations.get(&package).map_or(&[][..], |relations| &relations.refuses) {
                    if let Some(refusals) = self.refused.get_mut(&refused.name) {
                        refusals.retain(|&(level, _)| level != at);
                    }
                }
            }
        }
        self.levels.truncate(target + 1);
        self.goals.truncate(self.levels[target].goals_before);
    }

    fn relations(&mut self, package: PackageId) -> Result<Rc<Relations>> {
        if let Some(known) = self.relations.get(&package) {
            return Ok(Rc::clone(known));
        }
        let relations = Rc::new(Relations::read(self.universe.get(package), self.universe.arch())?);
        self.relations.insert(package, Rc::clone(&relations));
        Ok(relations)
    }

    fn finish(self) -> Resolution<'u> {
        let mut packages = Vec::new();
        let mut left_out = BTreeSet::new();
        for level in &self.levels {
            let why = match &level.want {
                Want::Need { by, group } => {
                    let by = self.levels[*by].package().map_or("", |id| self.universe.get(id).name());
                    Why::DependencyOf { by: by.to_owned(), relation: group.to_string() }
                }
                Want::Installed(_) if level.is_of_image() => continue,
                Want::Installed(_) => Why::InPlaceOfImages,
                _ => Why::Requested,
            };
            match (level.package(), why) {
                (Some(id), why) => packages.push(Selected { package: self.universe.get(id), id, why }),
                (None, Why::DependencyOf { by, relation }) if !self.is_met(&level.want) => {
                    left_out.insert(LeftOut { by, relation });
                }
                (None, _) => {}
            }
        }
        Resolution { packages, left_out: left_out.into_iter().collect(), universe: self.universe }
    }
}
