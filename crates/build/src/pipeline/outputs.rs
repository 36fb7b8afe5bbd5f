//! The finished image goes to all its outputs: to different places at once, to one place one after another.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use bareboat_io::transport::{self, Attachment, ImageSet};
use bareboat_model::{Error, Location, Result};

use super::Workshop;

/// Writes the image to all outputs. Where one cannot be written, the others are.
///
/// # Errors
/// When one cannot be written: that of the first of them, with the outputs that have the image as a hint.
pub(super) fn write(
    workshop: &Workshop<'_>,
    outputs: &[Location],
    set: &ImageSet,
    attachments: &[Attachment],
    name: &str,
) -> Result<()> {
    for output in outputs {
        if !attachments.is_empty() && !transport::holds_attachments(output) {
            let warning = format!("`{output}` has no place for the record of how the image was built");
            workshop.progress.warn(&warning);
        }
    }
    let write = |output: &Location| {
        let _bar = workshop.progress.begin(&format!("writing {output}"), None);
        transport::write_with(output, set, attachments, &workshop.outside(), name)
    };
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, output) in outputs.iter().enumerate() {
        places.entry(place(output)).or_default().push(number);
    }
    let mut results: Vec<(usize, Result<()>)> = std::thread::scope(|scope| {
        let one_place =
            |numbers: Vec<usize>| numbers.into_iter().map(|number| (number, write(&outputs[number])));
        let writers: Vec<_> = places
            .into_values()
            .map(|numbers| scope.spawn(move || one_place(numbers).collect::<Vec<_>>()))
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(number, _)| *number);
    let written = results.iter().filter(|(_, result)| result.is_ok());
    let written: Vec<String> = written.map(|(number, _)| outputs[*number].to_string()).collect();
    let Some(error) = results.into_iter().find_map(|(_, result)| result.err()) else { return Ok(()) };
    let layers = set.images.iter().flat_map(|image| &image.layers);
    workshop.store.remove_damaged(layers.map(|layer| layer.digest));
    Err(tell_written(error, &written))
}

/// What is written by one at a time: in a registry, the second tag finds what was sent for the first.
fn place(output: &Location) -> String {
    match output {
        Location::Registry(reference) => reference.registry().to_owned(),
        Location::DockerDaemon { .. } => "docker-daemon:".to_owned(),
        Location::Oci { dir: path, .. }
        | Location::OciArchive { file: path, .. }
        | Location::DockerArchive { file: path, .. } => format!("/{}", path.display()),
    }
}

/// Says which outputs have the image although another has it not.
fn tell_written(error: Error, written: &[String]) -> Error {
    if written.is_empty() {
        return error;
    }
    let hint = format!("the image was written to {}", written.join(", "));
    let hint = error.hint().map_or(hint.clone(), |first| format!("{first}; {hint}"));
    Error::new(error.to_string()).with_hint(hint)
}
