//! Lists that come in pages: tags, referrers.

use std::collections::BTreeSet;

use bareboat_formats::http_header::next_link;
use bareboat_model::{Error, Reference, Result};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::reply::{self, Refusal};
use super::session::Call;
use super::url::{Origin, resolve};
use super::{Registry, Spot};
use crate::http::retry::Failure;

/// How many entries a page is asked to have.
const PAGE: u32 = 1000;

/// The largest page that is read.
const LARGEST_PAGE: u64 = 16 << 20;

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
            let found = self.pages(spot, &spot.path(&format!("tags/list?n={PAGE}")), |bytes| {
                let page: Page = serde_json::from_slice(bytes).map_err(|_| {
                    Error::new("the registry answers with something else than a list of tags")
                })?;
                tags.extend(page.tags.unwrap_or_default());
                Ok(tags.len())
            })?;
            Ok(found.map(|()| tags.into_iter().collect::<Vec<_>>()))
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
            let bytes = reply::bytes(response, LARGEST_PAGE, &self.inner.options.http)?;
            if take(&bytes)? > MOST_ENTRIES {
                return Err(Error::new(format!("the list has more than {MOST_ENTRIES} entries")).into());
            }
            match next {
                Some(next) => url = next,
                None => return Ok(Some(())),
            }
        }
        Err(Error::new(format!("the list has more than {MOST_PAGES} pages")).into())
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
