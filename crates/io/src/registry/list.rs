//! Lists that come in pages: tags, referrers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bareboat_formats::http_header::next_link;
use bareboat_model::{Error, Reference, Result};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::reply::{self, Refusal, shown};
use super::session::Call;
use super::url::{Origin, resolve};
use super::{Registry, Spot};
use crate::http::retry::Failure;

/// How many entries a page is asked to have.
const PAGE: u32 = 1000;

/// The most bytes of all pages of a list: some hundred thousand tags, or ten thousand referrers.
const MOST_BYTES: u64 = 16 << 20;

/// So many pages in a row may bring nothing new.
const MOST_IDLE: usize = 10;

/// A list that takes longer has no end.
const LONGEST: Duration = Duration::from_secs(600);

/// Repositories with a tag for each commit have some hundred thousand.
const MOST_PAGES: usize = 2_000;

/// The most entries that are kept.
pub(super) const MOST_ENTRIES: usize = 1_000_000;

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// All tags of the reference's repository, sorted.
    ///
    /// # Errors
    /// When there is no such repository, or its list has no end.
    pub fn tags(&self, image: &Reference) -> Result<Vec<String>> {
        let list = self.inner.at_home(image, |spot| {
            let mut tags = BTreeSet::new();
            let mut next = Some(spot.path(&format!("tags/list?n={PAGE}")));
            while let Some(first) = next.take() {
                let (before, mut page) = (tags.len(), Vec::new());
                let found = self.pages(spot, &first, |bytes| {
                    page = tags_of(bytes, image)?;
                    tags.extend(page.iter().cloned());
                    Ok(tags.len())
                })?;
                if found.is_none() && before == 0 {
                    return Ok(None);
                }
                // go-containerregistry's ends a full page without saying that there are more.
                let last = page.last().filter(|_| page.len() == PAGE as usize && tags.len() > before);
                next = last.map(|last| spot.path(&format!("tags/list?n={PAGE}&last={last}")));
            }
            Ok(Some(tags.into_iter().collect::<Vec<_>>()))
        });
        let list =
            list.and_then(|list| list.ok_or_else(|| Error::new("the registry has no such repository")));
        list.map_err(|error| error.context(format!("cannot list the tags of `{}`", image.name())))
    }

    /// Reads page after page; None if there is no first. `take` gets each and says how many entries there are by now.
    pub(super) fn pages(
        &self,
        spot: &Spot,
        first: &str,
        mut take: impl FnMut(&[u8]) -> Result<usize>,
    ) -> Result<Option<()>, Failure> {
        let scopes = spot.scope("pull");
        let base = spot.host.base()?;
        let mut url = resolve(&base, first)?;
        let mut seen = BTreeSet::new();
        let (mut left, mut known, mut idle) = (MOST_BYTES, 0, 0);
        let start = Instant::now();
        for page in 0..MOST_PAGES {
            if !seen.insert(url.clone()) {
                return Err(Error::new("the registry's list goes in a circle").into());
            }
            let response = self.inner.send(&spot.host, &Call::new(Method::GET, &url, &spot.name, &scopes))?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND if page == 0 => {
                    reply::drain(response, &self.inner.options.http);
                    return Ok(None);
                }
                _ => return Err(Refusal::read(response, &self.inner.options.http).into()),
            }
            let next = next_page(&response, &base, &url)?;
            let bytes = reply::bytes(response, MOST_BYTES, &self.inner.options.http)?;
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| Error::new(format!("the list has more than {MOST_BYTES} bytes")))?;
            let entries = take(&bytes)?;
            if entries > MOST_ENTRIES {
                return Err(Error::new(format!("the list has more than {MOST_ENTRIES} entries")).into());
            }
            idle = if entries > known { 0 } else { idle + 1 };
            known = entries;
            if next.is_some() && (idle >= MOST_IDLE || start.elapsed() > LONGEST) {
                return Err(Error::new("the registry's list goes on without end").into());
            }
            match next {
                Some(next) => url = next,
                None => return Ok(Some(())),
            }
        }
        Err(Error::new(format!("the list has more than {MOST_PAGES} pages")).into())
    }
}

fn tags_of(page: &[u8], image: &Reference) -> Result<Vec<String>> {
    let page: Page = serde_json::from_slice(page)
        .map_err(|_| Error::new("the registry answers with something else than a list of tags"))?;
    let tags = page.tags.unwrap_or_default();
    match tags.iter().find(|tag| image.with_tag(tag).is_err()) {
        Some(tag) => Err(Error::new(format!("it lists `{}`, which is no tag", shown(tag)))),
        None => Ok(tags),
    }
}

fn next_page(response: &Response<Body>, base: &str, url: &str) -> Result<Option<String>> {
    let Some(next) = reply::header(response, header::LINK).and_then(next_link) else { return Ok(None) };
    let next = resolve(url, next)?;
    if Origin::of(&next)? != Origin::of(base)? {
        return Err(Error::new("the registry's list goes on at another server"));
    }
    Ok(Some(next))
}
