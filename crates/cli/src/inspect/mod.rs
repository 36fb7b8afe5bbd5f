//! `bareboat inspect`.

mod args;
mod attributes;
mod cat;
mod raw;
mod text;
mod tree;
mod tui;

use std::io::Write as _;
use std::path::Path;

use bareboat_audit::inspect::{self, Budgets, DiveRules, Options};
use bareboat_audit::packages::Inventory;
use bareboat_audit::view::{self, View};
use bareboat_io::files::write_file;
use bareboat_io::transport::Image;
use bareboat_model::{Context as _, Error, Result, escape};

pub(crate) use args::Inspect;

use crate::args::{Args, Format};
use crate::image::Harbour;
use crate::layout::columns;
use crate::output::{Failure, answer, answer_json};
use crate::summary::size;
use crate::terminal::Terminal;

/// A budget was not kept.
const FAILED: u8 = 1;

/// An image, opened and looked into.
struct Looked<'a> {
    image: Image<'a>,
    view: View,
    inventory: Inventory,
}

pub(crate) fn run(command: &Inspect, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
    if command.raw || command.config {
        return raw::run(command, &harbour, terminal);
    }
    let rules = command.judge.rules()?;
    let looked = look(command, args, &harbour, terminal)?;
    let told = told(command, rules, &looked, &harbour, terminal)?;
    terminal.finish();
    if let Some(path) = &command.cat {
        return cat::run(&looked.view, &path.0, &looked.image);
    }
    if command.tui {
        return Ok(tui::run(&looked.view, &told)?);
    }
    if let Some(file) = &command.html {
        let page = inspect::html(&told, &looked.view, &looked.inventory, size)?;
        write_page(file, &page)?;
        if args.story.format == Format::Text && command.tree.is_none() && told.budgets.is_empty() {
            return answer(&format!("written to {}\n", escape(&file.to_string_lossy())));
        }
    }
    match (args.story.format, &command.tree) {
        (Format::Text, Some(path)) => {
            answer(&tree::text(&looked.view, &path.0, command.depth, args.story.verbose)?)?;
        }
        (Format::Json, Some(path)) => {
            answer_json("bareboat.inspect-tree/1", &tree::Told::new(&looked.view, &path.0)?)?;
        }
        (Format::Text, None) => {
            let asked = text::Told { top: command.top, packages: command.packages, columns: columns() };
            answer(&text::of(&told, &asked, &args.story))?;
        }
        (Format::Json, None) => answer_json("bareboat.inspect/1", &told)?,
    }
    if told.budgets.iter().all(|verdict| verdict.passed) { Ok(()) } else { Err(Failure::Code(FAILED)) }
}

/// Makes no folder: one that is not there was more likely mistyped.
fn write_page(file: &Path, page: &str) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(
            Error::new("there is no such folder").context(format!("cannot write `{}`", file.display()))
        );
    }
    if file == Path::new("-") {
        let error = Error::new("cannot write `-`: the page goes into a file");
        return Err(error.with_hint("for a file of that name, write ./-"));
    }
    write_file(file, |to| Ok(to.write_all(page.as_bytes())?))
}

fn look<'a>(
    command: &Inspect,
    args: &Args,
    harbour: &'a Harbour,
    terminal: &'a Terminal,
) -> Result<Looked<'a>> {
    let image = harbour.look(&command.image, command.platform.as_ref(), terminal)?;
    let view = image
        .check_layers()
        .and_then(|()| view::read(&image.layers, &image, &harbour.store, args.place.threads(), terminal))
        .context(|| format!("cannot look into the image `{}`", escape(&command.image)))?;
    let inventory = view.packages();
    Ok(Looked { image, view, inventory })
}

fn told(
    command: &Inspect,
    dive: DiveRules,
    looked: &Looked<'_>,
    harbour: &Harbour,
    terminal: &Terminal,
) -> Result<inspect::Inspection> {
    let diff_ids = |name: &String| -> Result<_> {
        let base = harbour.look(name, command.platform.as_ref(), terminal)?;
        Ok((name.clone(), base.layers.iter().map(|(_, diff_id)| *diff_id).collect()))
    };
    let Looked { image, view, inventory } = looked;
    let options = Options {
        index: image.index(),
        base: command.base.as_ref().map(diff_ids).transpose()?,
        top: command.top,
        dive: command.dive,
        budgets: Budgets {
            size: command.max_size.map(|bytes| bytes.0),
            waste: command.max_waste,
            layers: command.max_layers,
            dive,
        },
    };
    let digest = if image.index().is_some() { image.manifest.digest } else { image.top.digest };
    inspect::inspect(&command.image, digest, &image.config, view, inventory, &options)
        .context(|| format!("cannot inspect the image `{}`", escape(&command.image)))
}
