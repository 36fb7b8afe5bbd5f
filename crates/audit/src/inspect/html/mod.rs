//! An image as one page for a browser: a map of what takes room, and tables.
//!
//! The page needs nothing but itself, and can do nothing else: its policy allows the one style and the one script that are in
//! it, by their digests. What the image says comes in as text, or as data that the script only ever shows as text.

mod data;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use bareboat_model::{Digest, Error, Result, escape, escape_json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Inspection;
use super::waste::Fate;
use crate::packages::Inventory;
use crate::view::View;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How sizes are written.
pub type ShowSize = fn(u64) -> String;

/// Draws the page.
///
/// # Errors
/// None that an image can cause.
pub fn html(told: &Inspection, view: &View, inventory: &Inventory, size: ShowSize) -> Result<String> {
    let data = serde_json::to_string(&data::data(told, view, inventory))
        .map_err(|error| Error::new(error.to_string()))?;
    let mut page = String::with_capacity(data.len() + STYLE.len() + SCRIPT.len() + (64 << 10));
    let title = text(&told.image);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; \
         style-src 'sha256-{}'; script-src 'sha256-{}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – bareboat inspect</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        source(STYLE),
        source(SCRIPT)
    );
    head(&mut page, told, size);
    page.push_str(MAP);
    layers(&mut page, told, size);
    waste(&mut page, told, size);
    files(&mut page, told, size);
    let _ = write!(
        page,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        harmless(&data)
    );
    Ok(page)
}

/// Where the script draws.
const MAP: &str = r##"<nav id="views" aria-label="How to divide"><span>By</span>
<a href="#/" data-view="folder">folder</a> <a href="#layer/" data-view="layer">layer</a>
<a href="#package/" data-view="package">package</a> <a href="#waste/" data-view="waste">waste</a></nav>
<form id="tools"><label>Colour by <select id="colour"><option value="part">part</option><option value="layer">layer</option>
<option value="package">package</option><option value="kind">kind of package</option></select></label>
<label>Find <input id="find" type="search" placeholder="part of a path" autocomplete="off" spellcheck="false"></label></form>
<div id="crumbs" role="navigation" aria-label="Where"></div>
<div id="map" role="group" aria-label="Map of what takes room"></div>
<div id="legend" role="list" aria-label="Colours"></div>
<div id="about" role="status"></div>
<noscript><p>The map needs JavaScript; the tables do not.</p></noscript>
<div class="scroll"><table><thead><tr><th>name</th><th class="n">size</th><th class="n">files</th><th class="n">wasted</th></tr></thead>
<tbody id="list"></tbody></table></div>
"##;

/// What a policy calls an inline style or script (Content Security Policy Level 3, "hash-source").
fn source(inline: &str) -> String {
    STANDARD.encode(Digest::of(inline.as_bytes()).as_bytes())
}

/// Text in a page: also between quotes.
fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in escape(words).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// JSON in a script element: nothing in it ends the element or begins a comment. In JSON these stand in strings only.
fn harmless(json: &str) -> String {
    escape_json(json).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn head(page: &mut String, told: &Inspection, size: ShowSize) {
    let made = told.config.created.iter().map(|created| format!(", made {}", text(created)));
    let _ = write!(
        page,
        "<header>\n<h1>{}</h1>\n<p>{}{}</p>\n<p>{}</p>\n<p>{} in {} files · {} in {} layers, {} stored · {} wasted, {:.1} %</p>\n\
         </header>\n<main>\n",
        text(&told.image),
        text(&told.config.platform),
        made.collect::<String>(),
        told.digest,
        size(told.size.files),
        told.size.file_count,
        size(told.size.layers),
        told.layers.len(),
        size(told.size.stored),
        size(told.waste.bytes),
        100.0 * told.waste.ratio,
    );
}

fn layers(page: &mut String, told: &Inspection, size: ShowSize) {
    let rows = told.layers.iter().map(|layer| {
        let counts = [layer.added.paths, layer.changed.paths + layer.repeated.paths, layer.removed.paths];
        let base = if layer.in_base { "(base) " } else { "" };
        let cells = [
            format!("<a href=\"#layer/layer%20{0}\">{0}</a>", layer.number),
            size(layer.stored),
            size(layer.bytes),
        ];
        let cells = cells.into_iter().chain(counts.map(|count| count.to_string()));
        let cells = cells.chain([if layer.wasted == 0 { String::new() } else { size(layer.wasted) }]);
        (cells.collect(), format!("{base}{}", text(layer.command.as_deref().unwrap_or_default())))
    });
    let head = ["layer", "stored", "contents", "added", "changed", "removed", "wasted"];
    table(page, "Layers", &head, "made by", rows.collect());
}

fn waste(page: &mut String, told: &Inspection, size: ShowSize) {
    let rows = told.waste.paths.iter().take(MOST_ROWS).map(|wasted| {
        let list = |layers: &std::collections::BTreeSet<usize>| {
            layers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
        };
        let fate = if wasted.fate == Fate::Removed { "removed" } else { "replaced" };
        let cells = [
            size(wasted.bytes),
            wasted.copies.to_string(),
            list(&wasted.brought_by),
            format!("{fate} by {}", list(&wasted.taken_by)),
        ];
        (cells.to_vec(), text(&wasted.path))
    });
    table(page, "Waste", &["size", "files", "in layers", "gone"], "path", rows.collect());
}

fn files(page: &mut String, told: &Inspection, size: ShowSize) {
    let rows = told.biggest_files.iter().take(MOST_ROWS).map(|file| {
        let package = file.package.as_deref().unwrap_or_default();
        (vec![size(file.bytes), file.layer.to_string(), text(package)], text(&file.path))
    });
    table(page, "Biggest files", &["size", "layer", "package"], "path", rows.collect());
    let rows = told
        .biggest_folders
        .iter()
        .take(MOST_ROWS)
        .map(|folder| (vec![size(folder.bytes), folder.files.to_string()], text(&folder.path)));
    table(page, "Biggest folders", &["size", "files"], "path", rows.collect());
    page.push_str("</main>\n");
}

const MOST_ROWS: usize = 200;

/// Cells and the last column are text already, or what is safe.
fn table(page: &mut String, name: &str, head: &[&str], last: &str, rows: Vec<(Vec<String>, String)>) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(page, "<h2>{name}</h2>\n<div class=\"scroll\"><table><thead><tr>");
    for word in head {
        let _ = write!(page, "<th class=\"n\">{word}</th>");
    }
    let _ = writeln!(page, "<th>{last}</th></tr></thead><tbody>");
    for (cells, last) in rows {
        page.push_str("<tr>");
        for cell in cells {
            let _ = write!(page, "<td class=\"n\">{cell}</td>");
        }
        let _ = writeln!(page, "<td class=\"name\">{last}</td></tr>");
    }
    page.push_str("</tbody></table></div>\n");
}
