//! `bareboat list`.

use bareboat_io::transport::{self, Named};
use bareboat_model::{Error, Location, Reference, escape};
use serde::Serialize;

use crate::args::{Args, Format, List};
use crate::image::{Harbour, place};
use crate::output::{Failure, answer, answer_json};
use crate::terminal::Terminal;

/// What JSON says of a repository or a layout.
#[derive(Serialize)]
struct Listed {
    repository: String,
    tags: Vec<String>,
    /// Images of a layout that have no tag.
    untagged: Vec<String>,
}

pub(crate) fn run(command: &List, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let listed = match place(&command.repository)? {
        Location::Registry(image) => {
            check_no_tag(&command.repository, &image)?;
            let harbour = Harbour::open(args, command.patience.timeout, terminal)?;
            let mut tags = harbour.registry()?.tags(&image)?;
            tags.retain(|tag| command.all || !transport::is_of_attachments(tag));
            Listed { repository: image.name(), tags, untagged: Vec::new() }
        }
        Location::Oci { dir, name: None } => {
            layout(format!("oci:{}", dir.display()), transport::names(&dir)?, command.all)
        }
        Location::OciArchive { file, name: None } => {
            let names = transport::archive_names(&file, &args.place.store()?)?;
            layout(format!("oci-archive:{}", file.display()), names, command.all)
        }
        Location::DockerArchive { file, reference: None } => Listed {
            tags: transport::saved_names(&file, &args.place.store()?)?,
            repository: format!("docker-archive:{}", file.display()),
            untagged: Vec::new(),
        },
        Location::Oci { dir, name: Some(_) } => {
            let error = format!("cannot list `{}`: it is one image of a layout", escape(&command.repository));
            return Err(Error::new(error)
                .with_hint(format!("name the layout: oci:{}", escape(&dir.display().to_string())))
                .into());
        }
        _ => {
            let error = format!("cannot list `{}`: it is no repository", escape(&command.repository));
            return Err(Error::new(error)
                .with_hint(
                    "write HOST/REPOSITORY, oci:DIR, oci-archive:FILE or docker-archive:FILE, without a tag",
                )
                .into());
        }
    };
    terminal.finish();
    if args.story.format == Format::Json {
        return answer_json("bareboat.list/1", &listed);
    }
    let untagged = listed.untagged.iter().map(|digest| format!("@{digest}"));
    let lines = listed.tags.iter().cloned().chain(untagged);
    answer(&lines.map(|line| format!("{}\n", escape(&line))).collect::<String>())
}

fn layout(repository: String, mut names: Vec<Named>, all: bool) -> Listed {
    names.retain(|one| all || !one.attached);
    let untagged = names.iter().filter(|one| one.tag.is_none()).map(|one| one.image.digest.to_string());
    let untagged = untagged.collect();
    Listed { repository, untagged, tags: names.into_iter().filter_map(|one| one.tag).collect() }
}

/// Not to list a whole repository for somebody who meant one image.
fn check_no_tag(text: &str, image: &Reference) -> Result<(), Error> {
    let last = text.rsplit('/').next().unwrap_or(text);
    if !last.contains([':', '@']) {
        return Ok(());
    }
    let error = format!("cannot list `{}`: it is one image of a repository", escape(text));
    Err(Error::new(error).with_hint(format!("name the repository: {}", image.name())))
}
