//! The registry's endpoints, as the specification lists them.

use std::io::{self, BufReader, Read};

use bareboat_model::Digest;
use serde_json::{Value, json};

use super::auth::{self, Deed};
use super::{Exchange, Settings, Shared};
use crate::serve::{Alive, Fault, Head, Reply, Stream, decode, length, lock};

/// An answer that goes well: status, header lines, body.
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
    /// Whether a part of the body may be asked for.
    ranges: bool,
}

impl Answer {
    fn new(status: u16) -> Self {
        Self { status, headers: String::new(), body: Vec::new(), ranges: false }
    }

    fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }

    fn error(status: u16, code: &str) -> Self {
        let words = code.to_lowercase().replace('_', " ");
        let document = json!({ "errors": [{ "code": code, "message": words }] });
        Self::new(status).body("application/json", document.to_string())
    }
}

/// A request, with its body.
struct Request<'a> {
    head: &'a Head,
    path: String,
    query: String,
    body: Vec<u8>,
}

impl Request<'_> {
    fn param(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(theirs, _)| *theirs == name).map(|(_, value)| decode(value))
    }

    fn method(&self) -> &str {
        &self.head.method
    }
}

/// What a path is about: a repository, and something in it.
fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v2/")?;
    ["/manifests/", "/blobs/", "/tags/", "/referrers/"].iter().find_map(|part| {
        let at = rest.rfind(part)?;
        Some((&rest[..at], &rest[at + 1..]))
    })
}

pub(super) fn answer(
    stream: &Stream,
    from: &mut BufReader<&Stream>,
    alive: &Alive,
    shared: &Shared,
) -> io::Result<()> {
    let Some(head) = Head::read(from)? else { return Ok(()) };
    // A greeting in TLS, as of a client that tries that first.
    if !head.target.starts_with('/') {
        return Ok(());
    }
    let settings = lock(&shared.settings).clone();
    let fault = lock(&shared.faults).take(&format!("{} {}", head.method, head.target));
    let announced: u64 = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let most = match &fault {
        Some(Fault::CutUpload { after }) => announced.min(*after as u64),
        _ => announced,
    };
    let mut body = Vec::new();
    from.take(most).read_to_end(&mut body)?;
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let request = Request { head: &head, path: decode(path), query: query.to_owned(), body };
    let cut = matches!(fault, Some(Fault::CutUpload { .. }));
    let made = if fault.is_none() || cut || reads(&fault) {
        Some(make(&request, &settings, shared, stream)?)
    } else {
        None
    };
    let met = fault.is_some();
    lock(&shared.log).push(Exchange {
        method: head.method.clone(),
        target: head.target.clone(),
        authorization: head.header("authorization").map(str::to_owned),
        from: head.from(),
        content_range: head.header("content-range").map(str::to_owned),
        length: head.header("content-length").and_then(|length| length.parse().ok()),
        status: made.as_ref().filter(|_| !met).map_or(0, |answer| answer.status),
    });
    let (is_head, from) = (head.method == "HEAD", head.from());
    let mut reply = Reply { stream, alive, is_head, from, headers: String::new() };
    match (fault, made) {
        (Some(fault), made) => reply.faulty(fault, made.map(|answer| answer.body)),
        (None, Some(answer)) if answer.ranges => {
            reply.headers = answer.headers;
            reply.file(&answer.body, settings.ranges)
        }
        (None, Some(answer)) => {
            let length = if answer.status == 204 { String::new() } else { length(answer.body.len()) };
            reply.head(answer.status, &(length + &answer.headers))?;
            reply.body(&answer.body)
        }
        (None, None) => reply.status(500, ""),
    }
}

/// Whether a fault spoils what is otherwise done as it should be.
fn reads(fault: &Option<Fault>) -> bool {
    use Fault::{Corrupt, Cut, LoseAnswer, NoRange, Slow, Stall, TooLong};
    matches!(
        fault,
        Some(Corrupt | LoseAnswer | Cut { .. } | NoRange | Slow { .. } | Stall { .. } | TooLong { .. })
    )
}

fn make(request: &Request<'_>, settings: &Settings, shared: &Shared, stream: &Stream) -> io::Result<Answer> {
    let own_url = format!("{}://{}", stream.scheme(), stream.local_addr()?);
    let authorization = request.head.header("authorization");
    if request.path == "/token" {
        let form = String::from_utf8_lossy(&request.body);
        let mut tokens = lock(&shared.tokens);
        let token = auth::hand_out(&settings.auth, &mut tokens, authorization, &request.query, &form);
        return Ok(match token {
            Some(token) => Answer::new(200).body("application/json", token),
            None => {
                Answer::new(401).body("application/json", r#"{"details":"incorrect username or password"}"#)
            }
        });
    }
    if let Some(digest) = request.path.strip_prefix("/storage/") {
        let stored = digest.parse().ok().and_then(|digest| lock(&shared.state).stored(digest).cloned());
        return Ok(match stored {
            Some(bytes) => {
                Answer { ranges: true, ..Answer::new(200).body("application/octet-stream", bytes) }
            }
            None => Answer::new(404),
        });
    }
    let (repository, rest) = split(&request.path).unwrap_or(("", ""));
    let action = match request.method() {
        "GET" | "HEAD" if !rest.starts_with("blobs/uploads/") => "pull",
        "DELETE" => "delete",
        _ => "push",
    };
    let deed = Deed { repository, action };
    let challenge = auth::challenge(&settings.auth, &lock(&shared.tokens), &own_url, authorization, &deed);
    if let Some(challenge) = challenge {
        return Ok(Answer::error(401, "UNAUTHORIZED").header("WWW-Authenticate", challenge));
    }
    if request.path == "/v2/" {
        return Ok(Answer::new(200).body("application/json", "{}"));
    }
    let (what, name) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(match what {
        "manifests" => manifest(request, settings, shared, repository, name),
        "tags" => tags(request, settings, shared, repository),
        "referrers" => referrers(request, settings, shared, repository, name),
        "blobs" => match name.strip_prefix("uploads/") {
            Some(upload) => self::upload(request, settings, shared, repository, upload),
            None => blob(request, settings, shared, repository, name),
        },
        _ => Answer::error(404, "NAME_UNKNOWN"),
    })
}

fn manifest(
    request: &Request<'_>,
    settings: &Settings,
    shared: &Shared,
    repository: &str,
    name: &str,
) -> Answer {
    let mut state = lock(&shared.state);
    let by_digest = name.parse::<Digest>().ok();
    match request.method() {
        "GET" | "HEAD" => match state.manifest(repository, name) {
            Some((digest, (media_type, bytes))) => {
                let answer = Answer::new(200).body(media_type, bytes.clone());
                let answer = match settings.versions {
                    true => answer.header("ETag", version(&digest)),
                    false => answer,
                };
                if settings.digest_headers { answer.header("Docker-Content-Digest", digest) } else { answer }
            }
            None => Answer::error(404, "MANIFEST_UNKNOWN"),
        },
        "PUT" => {
            let found = Digest::of(&request.body);
            if by_digest.is_some_and(|wanted| wanted != found) {
                return Answer::error(400, "DIGEST_INVALID");
            }
            let there = state.manifest(repository, name).map(|(digest, _)| version(&digest));
            let (replaces, is_new) =
                (request.head.header("if-match"), request.head.header("if-none-match") == Some("*"));
            if settings.versions
                && (is_new && there.is_some() || replaces.is_some_and(|one| there.as_deref() != Some(one)))
            {
                return Answer::error(412, "PRECONDITION_FAILED");
            }
            let media_type = request.head.header("content-type").unwrap_or_default();
            let tag = Some(name).filter(|_| by_digest.is_none());
            state.put_manifest(repository, tag, media_type, &request.body);
            let location = format!("/v2/{repository}/manifests/{found}");
            let answer = Answer::new(201).header("Location", location).header("Docker-Content-Digest", found);
            match subject(&request.body).filter(|_| settings.referrers) {
                Some(subject) => answer.header("OCI-Subject", subject),
                None => answer,
            }
        }
        "DELETE" => {
            let deleted = match by_digest {
                Some(_) if !settings.delete => return Answer::error(405, "UNSUPPORTED"),
                Some(digest) => state.delete_manifest(repository, digest),
                None if !settings.delete_tags => return Answer::error(405, "UNSUPPORTED"),
                None => state.delete_tag(repository, name),
            };
            if deleted { Answer::new(202) } else { Answer::error(404, "MANIFEST_UNKNOWN") }
        }
        _ => Answer::error(405, "UNSUPPORTED"),
    }
}

fn version(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

fn blob(request: &Request<'_>, settings: &Settings, shared: &Shared, repository: &str, name: &str) -> Answer {
    let state = lock(&shared.state);
    let Ok(digest) = name.parse::<Digest>() else { return Answer::error(400, "DIGEST_INVALID") };
    match request.method() {
        "GET" | "HEAD" => {
            if let Some(to) = settings.redirect_blobs.as_ref().filter(|_| request.method() == "GET") {
                return Answer::new(307).header("Location", format!("{to}/storage/{digest}"));
            }
            match state.blob(repository, digest) {
                Some(bytes) => Answer {
                    ranges: true,
                    ..Answer::new(200).body("application/octet-stream", bytes.clone())
                },
                None => Answer::error(404, "BLOB_UNKNOWN"),
            }
        }
        _ => Answer::error(405, "UNSUPPORTED"),
    }
}

fn upload(
    request: &Request<'_>,
    settings: &Settings,
    shared: &Shared,
    repository: &str,
    name: &str,
) -> Answer {
    let mut state = lock(&shared.state);
    let place = |id: u64| format!("/v2/{repository}/blobs/uploads/{id}?state=s");
    let range = |length: usize| format!("0-{}", length.saturating_sub(1));
    if request.method() == "POST" {
        let wanted = request.param("mount").and_then(|digest| digest.parse::<Digest>().ok());
        if let Some((digest, from)) = wanted.zip(request.param("from")).filter(|_| settings.mount)
            && let Some(bytes) = state.blob(&from, digest).cloned()
        {
            state.put_blob(repository, digest, bytes);
            return Answer::new(201).header("Location", format!("/v2/{repository}/blobs/{digest}"));
        }
        let answer = Answer::new(202).header("Location", place(state.begin_upload())).header("Range", "0-0");
        return match settings.least_piece {
            Some(least) => answer.header("OCI-Chunk-Min-Length", least),
            None => answer,
        };
    }
    let id = name.parse().unwrap_or(0);
    let Some(mut kept) = state.uploads.get(&id).cloned() else {
        return Answer::error(404, "BLOB_UPLOAD_UNKNOWN");
    };
    match request.method() {
        "GET" => Answer::new(204).header("Location", place(id)).header("Range", range(kept.len())),
        "PATCH" => {
            let first =
                request.head.header("content-range").and_then(|range| range.split('-').next()?.parse().ok());
            if first.unwrap_or(kept.len()) != kept.len() {
                return Answer::new(416).header("Location", place(id)).header("Range", range(kept.len()));
            }
            kept.extend_from_slice(&request.body);
            let answer = Answer::new(202).header("Location", place(id)).header("Range", range(kept.len()));
            state.uploads.insert(id, kept);
            answer
        }
        "PUT" => {
            if !settings.monolithic && !request.body.is_empty() {
                return Answer::new(413);
            }
            kept.extend_from_slice(&request.body);
            let announced = request.head.header("content-length").and_then(|length| length.parse().ok());
            if announced != Some(request.body.len()) {
                // The client was cut off: what came is kept.
                state.uploads.insert(id, kept);
                return Answer::new(400);
            }
            let found = Digest::of(&kept);
            state.uploads.remove(&id);
            if request.param("digest") != Some(found.to_string()) {
                return Answer::error(400, "DIGEST_INVALID");
            }
            state.put_blob(repository, found, kept);
            let location = format!("/v2/{repository}/blobs/{found}");
            Answer::new(201).header("Location", location).header("Docker-Content-Digest", found)
        }
        "DELETE" => {
            state.uploads.remove(&id);
            Answer::new(204)
        }
        _ => Answer::error(405, "UNSUPPORTED"),
    }
}

fn tags(request: &Request<'_>, settings: &Settings, shared: &Shared, repository: &str) -> Answer {
    let state = lock(&shared.state);
    if !state.is_there(repository) {
        return Answer::error(404, "NAME_UNKNOWN");
    }
    let asked = request.param("n").and_then(|n| n.parse().ok()).unwrap_or(settings.page);
    let most = settings.page.min(asked);
    let last = request.param("last").unwrap_or_default();
    let after: Vec<String> = state.tags(repository).into_iter().filter(|tag| *tag > last).collect();
    let page = &after[..most.min(after.len())];
    let answer =
        Answer::new(200).body("application/json", json!({ "name": repository, "tags": page }).to_string());
    let last = page.last().filter(|_| page.len() < after.len());
    with_next(answer, last.map(|last| format!("/v2/{repository}/tags/list?n={most}&last={last}")))
}

fn referrers(
    request: &Request<'_>,
    settings: &Settings,
    shared: &Shared,
    repository: &str,
    of: &str,
) -> Answer {
    if !settings.referrers {
        return Answer::error(404, "NOT_FOUND");
    }
    let state = lock(&shared.state);
    let kind = request.param("artifactType");
    let all: Vec<Value> = state
        .manifests(repository)
        .filter(|(_, (_, bytes))| subject(bytes).as_deref() == Some(of))
        .map(|(digest, (media_type, bytes))| entry(*digest, media_type, bytes))
        .filter(|entry| kind.as_deref().is_none_or(|kind| entry["artifactType"] == kind))
        .collect();
    let first: usize = request.param("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let page: Vec<Value> = all.iter().skip(first).take(settings.page).cloned().collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": page,
    });
    let answer = Answer::new(200).body("application/vnd.oci.image.index.v1+json", index.to_string());
    let answer = match kind {
        Some(_) => answer.header("OCI-Filters-Applied", "artifactType"),
        None => answer,
    };
    let next = first + settings.page;
    let more = next < all.len();
    let chosen = request.query.split('&').find(|pair| pair.starts_with("artifactType=")).unwrap_or_default();
    with_next(answer, more.then(|| format!("/v2/{repository}/referrers/{of}?from={next}&{chosen}")))
}

/// Says where the next page is, if there is one (RFC 8288).
fn with_next(answer: Answer, next: Option<String>) -> Answer {
    match next {
        Some(next) => answer.header("Link", format!("<{next}>; rel=\"next\"")),
        None => answer,
    }
}

fn entry(digest: Digest, media_type: &str, bytes: &[u8]) -> Value {
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let kind = document.get("artifactType").or_else(|| document.pointer("/config/mediaType"));
    json!({
        "mediaType": media_type,
        "digest": digest.to_string(),
        "size": bytes.len(),
        "artifactType": kind,
        "annotations": document.get("annotations").cloned().unwrap_or_else(|| json!({})),
    })
}

fn subject(manifest: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(manifest).ok()?;
    Some(document.pointer("/subject/digest")?.as_str()?.to_owned())
}
